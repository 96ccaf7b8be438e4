"""What ``atrous predict`` does once its flags are understood."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from atrous.cli.predict_one import ENDINGS, Wanted, files_for, segment
from atrous.cli.predict_outcome import Outcome, Result
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError, Interrupted, ResourceError
from atrous.runtime.cluster import run_on_cluster
from atrous.runtime.manifest import Manifest, fingerprint
from atrous.runtime.predictor import Predictor
from atrous.runtime.sources import FoundPicture, Shard, Sources
from atrous.weights.load import find_model, load

Task: TypeAlias = tuple[FoundPicture, dict[str, Path]]
"""A picture, and where each kind of output goes."""
_FILE_ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".mp4", ".mkv"}


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


def run_job(job: Job, terminal: Terminal) -> int:
    """Segment every picture, tell what became of each, and give the command's exit code.

    Raises:
        ConfigError: If results of several pictures or kinds should go to one file.
        InputError: If two pictures' results would have the same names.
        ResourceError: If the folder for the results or the manifest cannot be written.
        Interrupted: If a signal asks for it; the manifest has all that was finished.
    """
    predictor = job.load()
    sources = Sources(job.sources, leave_out=job.out, shard=job.shard)
    outcome = Outcome(terminal, predictor.card)
    for source, error in sources.failed:
        outcome.fail(source, error)
    to_file = _goes_to_file(job, sources)
    made_folder = len(sources) > 0 and not to_file and _make_folder(job.out)
    with ExitStack() as stack:
        manifest = stack.enter_context(_open_manifest(job)) if job.manifest else None
        tasks = ((picture, _files(job, picture, to_file)) for picture in sources)
        results = _results(job, predictor, tasks, manifest, terminal)
        try:
            for result in terminal.track(results, total=len(sources), what="segmenting"):
                if manifest and not result.skipped:
                    manifest.add(result.source, result.line)
                outcome.add(result)
        except KeyboardInterrupt:
            raise Interrupted(_how_to_go_on(job, outcome, len(sources))) from None
        finally:
            if made_folder and not outcome.done:
                with contextlib.suppress(OSError):
                    job.out.rmdir()
    outcome.report()
    return outcome.exit_code


def parse_kinds(kinds: str) -> tuple[str, ...]:
    """Kinds of output from ``mask,overlay``.

    Raises:
        ConfigError: If one is not known, or there is none.
    """
    wanted = tuple(dict.fromkeys(kind.strip() for kind in kinds.split(",") if kind.strip()))
    unknown = [kind for kind in wanted if kind not in ENDINGS]
    if unknown or not wanted:
        raise ConfigError(f"--as takes {', '.join(ENDINGS)}, not {', '.join(unknown) or 'nothing'}")
    return wanted


def _results(
    job: Job,
    predictor: Predictor,
    tasks: Iterable[Task],
    manifest: Manifest | None,
    terminal: Terminal,
) -> Iterator[Result]:
    """One result for each task, in their order unless a cluster takes them."""
    watch = partial(_watch, terminal)
    spread: list[Task] = []
    for picture, files in tasks:
        if job.resume and manifest and manifest.has_finished(picture.path, files):
            yield Result(picture.path, skipped=True)
        elif job.ray is None:
            yield segment(predictor, picture, files, job.wanted, watch)
        else:
            spread.append((picture, files))
    if spread and job.ray is not None:
        yield from run_on_cluster(spread, partial(_worker, job), job.ray)


def _worker(job: Job) -> Callable[[Task], Result]:
    """What each worker of a cluster starts with: the model, loaded once."""
    predictor = job.load()
    return lambda task: segment(predictor, *task, job.wanted)


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


def _goes_to_file(job: Job, sources: Sources) -> bool:
    """Whether OUT names a file rather than a folder."""
    out, kinds, count = job.out, job.wanted.kinds, len(sources)
    if out.suffix.lower() not in _FILE_ENDINGS or out.is_dir():
        return False
    if count > 1 or len(kinds) > 1:
        raise ConfigError(
            f"{out} is one file, but {count} pictures as {', '.join(kinds)} make "
            f"{count * len(kinds)}; give a folder, or one picture with --as mask"
        )
    for picture in sources:
        (ending,) = {path.suffix for path in files_for(picture, out, kinds).values()} or {""}
        lossless = kinds[0] == "mask"
        video = ending in {".mkv", ".mp4"}
        if (lossless or video) and out.suffix.lower() != ending:
            why = "masks are stored without loss" if lossless else "it is a video"
            raise ConfigError(f"{out}: {why}; use the ending {ending}")
    return True


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


def _files(job: Job, picture: FoundPicture, to_file: bool) -> dict[str, Path]:
    if to_file:
        return {job.wanted.kinds[0]: job.out}
    return files_for(picture, job.out, job.wanted.kinds)
