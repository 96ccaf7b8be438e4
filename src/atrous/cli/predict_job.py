"""What ``atrous predict`` does once its flags are understood."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from atrous.cli.predict_one import OneByOne, Task, files_for
from atrous.cli.predict_outcome import Outcome, Result
from atrous.cli.predict_outputs import Wanted
from atrous.cli.predict_video import VIDEO_ENDINGS
from atrous.cli.terminal import Terminal
from atrous.errors import AtrousError, ConfigError, Interrupted, ResourceError
from atrous.imaging import Picture
from atrous.runtime.cluster import run_on_cluster
from atrous.runtime.manifest import Manifest, fingerprint
from atrous.runtime.outputs import OUTPUTS
from atrous.runtime.outputs.writer import OutputWriter
from atrous.runtime.pipeline import run_pipeline
from atrous.runtime.predictor import Predictor
from atrous.runtime.result import Segmentation
from atrous.runtime.sources import FoundPicture, Shard, Sources
from atrous.weights.load import find_model, load


@dataclass(frozen=True)
class Job:
    """All that is asked for."""

    sources: tuple[str, ...]
    """Pictures, folders, patterns, lists and videos."""
    out: Path
    """A folder, or a file for one picture and one kind."""
    wanted: Wanted
    """What is written of each."""
    model: str | None = None
    load_options: Mapping[str, Any] = field(default_factory=dict)
    """For `atrous.weights.load.load`."""
    shard: Shard = field(default_factory=Shard)
    manifest: Path | None = None
    resume: bool = False
    """Whether what the manifest has as finished is skipped."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """All that changes results, beside the model; for the manifest."""
    ray: str | None = None
    """The address of a cluster, or ``local``."""

    def load(self) -> Predictor:
        """The model, ready to predict."""
        return load(self.model, **self.load_options)

    def writer(self, predictor: Predictor) -> OutputWriter:
        """Writes the outputs.

        Raises:
            ConfigError: If the model has not the classes that are asked for.
            ResourceError: If a file of the whole run is there already.
        """
        return OutputWriter(self.wanted.for_model(predictor.card, self.out))


def run_job(job: Job, terminal: Terminal) -> int:
    """Segment every picture, tell what became of each, and give the command's exit code.

    Raises:
        ConfigError: If results of several pictures or kinds should go to one file, or files of
            the whole run are asked for and it is resumed or spread over machines.
        InputError: If two pictures' results would have the same names.
        ResourceError: If the folder for the results or the manifest cannot be written.
        Interrupted: If a signal asks for it; the manifest has all that was finished.
    """
    _check_run_files(job)
    predictor = job.load()
    writer = job.writer(predictor)
    sources = Sources(job.sources, leave_out=job.out, shard=job.shard)
    outcome = Outcome(terminal, predictor.card)
    for source, error in sources.failed:
        outcome.fail(source, error)
    file = _single_file(job, sources)
    made_folder = len(sources) > 0 and not file and _make_folder(job.out)
    with ExitStack() as stack:
        manifest = stack.enter_context(_open_manifest(job)) if job.manifest else None
        stack.enter_context(writer)
        tasks = _tasks(job, sources, writer, file, manifest)
        results = _results(job, predictor, writer, tasks, manifest, terminal)
        try:
            for result in terminal.track(results, total=len(sources), what="segmenting"):
                outcome.add(result)
        except KeyboardInterrupt:
            raise Interrupted(_how_to_go_on(job, outcome, len(sources))) from None
        finally:
            if made_folder and not outcome.done:
                with contextlib.suppress(OSError):
                    job.out.rmdir()
    outcome.report()
    return outcome.exit_code


def _check_run_files(job: Job) -> None:
    kinds = ", ".join(kind for kind in job.wanted.kinds if OUTPUTS[kind].run)
    if kinds and job.ray:
        raise ConfigError(f"--as {kinds} writes files of the whole run, which --ray cannot share")
    if kinds and job.resume:
        raise ConfigError(
            f"--as {kinds} writes files of the whole run, which would hold the rest alone with "
            "--resume; run it anew, with --overwrite if need be"
        )


def _tasks(
    job: Job,
    sources: Iterable[FoundPicture],
    writer: OutputWriter,
    file: Mapping[str, Path] | None,
    manifest: Manifest | None,
) -> Iterator[Task]:
    for picture in sources:
        files = dict(file) if file else files_for(picture, writer)
        known = manifest if job.resume else None
        yield Task(
            picture,
            files,
            finished=known is not None and known.has_finished(picture.path, files),
            left=known is not None and known.was_begun(picture.path),
        )


def _results(
    job: Job,
    predictor: Predictor,
    writer: OutputWriter,
    tasks: Iterable[Task],
    manifest: Manifest | None,
    terminal: Terminal,
) -> Iterator[Result]:
    """One result for each task, in their order unless a cluster takes them."""
    noted = partial(_noted, manifest)
    if job.ray is not None:
        todo = []
        for task in tasks:
            if task.finished:
                yield task.skipped
            else:
                _begin(manifest, task)
                todo.append(task)
        if todo:
            yield from map(noted, run_on_cluster(todo, partial(_worker, job), job.ray))
        return
    one = OneByOne(predictor, job.wanted, writer, partial(_watch, terminal))

    def work(task: Task, picture: Picture | None) -> Segmentation | Result:
        _begin(manifest, task)
        return one.work(task, picture)

    def finish(task: Task, made: Segmentation | Result) -> Result:
        return noted(one.finish(task, made))

    for task, result in run_pipeline(tasks, one.read, work, finish):
        # What failed before its files were written has no line yet.
        yield noted(task.failed(result)) if isinstance(result, AtrousError) else result


def _begin(manifest: Manifest | None, task: Task) -> None:
    if manifest and not task.finished:
        manifest.begin(task.picture.path, task.files)


def _noted(manifest: Manifest | None, result: Result) -> Result:
    """A line of the manifest as soon as a picture's files are there."""
    if manifest and not result.skipped:
        manifest.add(result.source, result.line)
    return result


def _worker(job: Job) -> Callable[[Task], Result]:
    """What each worker of a cluster starts with: the model, loaded once."""
    # A worker is given one core; several threads each would fight over it.
    threads = job.load_options.get("threads") or 1
    predictor = load(job.model, **{**job.load_options, "threads": threads})
    return OneByOne(predictor, job.wanted, job.writer(predictor))


def _watch(terminal: Terminal, frames: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    return terminal.track(frames, total=total, what=what)


def _open_manifest(job: Job) -> Manifest:
    settings = fingerprint(find_model(job.model), job.settings)
    return Manifest(job.manifest or Path(), settings)


def _how_to_go_on(job: Job, outcome: Outcome, total: int) -> str:
    finished = outcome.done + outcome.skipped
    advice = (
        "the same command with --resume goes on"
        if job.manifest
        else ("with --manifest FILE a run can be resumed")
    )
    return f"interrupted after {finished} of {total}; {advice}"


def _single_file(job: Job, sources: Sources) -> dict[str, Path] | None:
    """The one file for the one kind, if OUT names a file rather than a folder."""
    out, kinds = job.out, job.wanted.kinds
    only = next(iter(sources), None) if len(sources) == 1 else None
    endings = {kind: Path(ending).suffix for kind, ending in VIDEO_ENDINGS.items()}
    if out.suffix.lower() not in endings.values() or out.is_dir():
        file = job.wanted.goes_to_file(out, len(sources))
        if file and only is not None and only.is_video:
            raise ConfigError(f"{out}: {only.path} is a video; {_use(endings, kinds[0])}")
        return file
    if only is None or len(kinds) > 1:
        raise ConfigError(
            f"{out} is one file, but {len(sources)} sources as {', '.join(kinds)} make "
            f"{len(sources) * len(kinds)}; give a folder, or one video with --as overlay"
        )
    if not only.is_video:
        raise ConfigError(f"{out}: {only.path} is no video; give a picture's ending, or a folder")
    if out.suffix.lower() != endings.get(kinds[0], ""):
        raise ConfigError(f"{out}: {_use(endings, kinds[0])}")
    return {kinds[0]: out}


def _use(endings: Mapping[str, str], kind: str) -> str:
    return f"use the ending {endings.get(kind, 'of a folder')} for {kind}"


def _make_folder(out: Path) -> bool:
    """Whether the folder had to be made; fails before anything is computed if it cannot be."""
    there = out.is_dir()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ResourceError(f"{out}: is a file; results need a folder") from None
    except OSError as error:
        raise ResourceError(f"{out}: cannot be made ({error.strerror})") from None
    return not there
