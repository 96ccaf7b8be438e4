"""Wire data, model and engine together: from a recipe to a run folder."""

import contextlib
from pathlib import Path

from accelerate.utils import broadcast_object_list, set_seed

from atrous.data import PairList
from atrous.engine.checkpoint import Settings
from atrous.engine.evaluate import Evaluation, Watcher, evaluation_of
from atrous.engine.ranks import measure_together, share_buffers
from atrous.engine.train import Progress
from atrous.models.torch_engine import TorchEngine
from atrous.recipes.assemble import (
    assemble,
    build_accelerator,
    card_for,
    loss_for,
    open_fitting_split,
)
from atrous.recipes.card_page import Origin, find_terms
from atrous.recipes.course import Course, conditions_of, set_out
from atrous.recipes.journal import NOBODY, Journal, MakeWatchers, Onlookers
from atrous.recipes.recipe import Recipe
from atrous.recipes.reporter import Reporter, Silent
from atrous.recipes.run_folder import (
    Log,
    describe_run,
    find_checkpoint,
    result_of,
)
from atrous.recipes.run_lock import take_folder
from atrous.recipes.trackers import check_trackers, open_trackers
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import Predictor
from atrous.weights.model_file import save_model


def run_training(  # noqa: PLR0913
    recipe: Recipe,
    data: Path,
    *,
    out: Path,
    name: str,
    reporter: Reporter,
    start: Path | None = None,
    resume: bool = False,
    allow_changes: bool = False,
    onlookers: Onlookers = NOBODY,
) -> Evaluation:
    """Train what a recipe describes, into a run folder.

    The folder gets ``recipe.json``, ``recipe.toml``, ``environment.json``, ``metrics.csv``,
    ``checkpoints/``, ``samples/``, ``last.safetensors`` and ``best.safetensors`` (by mean IoU on
    the evaluation split) and a model card, ``README.md``. Several processes, as
    `accelerate launch` or `torchrun` start them, share each step and each measurement; the first
    one writes, and no other run can write the folder meanwhile.

    Args:
        recipe: What to train and how.
        data: Folder of the dataset.
        out: The run folder; must not exist unless ``resume``.
        name: What the model is called in its card.
        reporter: Told of each step and evaluation.
        start: Weights for the encoder, see `atrous.weights.start`.
        resume: Go on from the newest checkpoint in ``out``.
        allow_changes: Resume under settings that weights depend on and that have changed.
        onlookers: Who is shown what happens, beside the reporter.

    Returns:
        The last evaluation.

    Raises:
        ConfigError: If recipe and dataset do not fit each other, or a tracker is unknown.
        DatasetError: If the dataset cannot be used.
        WeightsError: If ``start`` does not fit, or a checkpoint does not.
        DependencyError: If a tracker is not installed.
        ResourceError: If ``out`` is there already, or another run is in it, or it cannot be
            written, or memory is short.
        TrainingError: If losses or gradients were not finite too often.
        Interrupted: If a signal asked to stop; the state is saved.
    """
    check_trackers(onlookers.trackers)
    pairs, eval_pairs = (
        open_fitting_split(recipe, data, split)
        for split in (recipe.data.train_split, recipe.data.eval_split)
    )
    accelerator = build_accelerator(recipe.train)
    out = Path(*broadcast_object_list([str(out)]))
    reporter = reporter if accelerator.is_main_process else Silent()
    settings = {**recipe.model_dump(mode="json"), "start": start.name if start else None}
    conditions = conditions_of(settings, pairs, accelerator)
    with contextlib.ExitStack() as stack:
        take_folder(out, stack, accelerator, resume=resume)
        checkpoint, changed = find_checkpoint(
            out, conditions, resume=resume, allow_changes=allow_changes
        )
        set_seed(recipe.train.seed)
        parts = assemble(recipe, pairs, start, accelerator, reporter.told)
        log = Log()
        set_out(
            parts.trainee,
            log,
            accelerator,
            checkpoint,
            changed=bool(changed),
            split=recipe.train.shard,
        )
        if accelerator.is_main_process:
            describe_run(out, recipe, settings)
            log.write(out)
        course = Course(
            recipe.train,
            out=out,
            conditions=conditions,
            accelerator=accelerator,
            parts=parts,
            pairs=pairs,
            loss=loss_for(recipe, pairs, parts.sampler.steps, accelerator.device),
            log=log,
            reporter=reporter,
        )
        card = card_for(recipe, name, pairs, settings)
        run = _Run(recipe, course, log, eval_pairs, card, onlookers.at_the_end)
        if accelerator.is_main_process:
            origin = Origin(
                data.resolve().name, len(pairs.pairs), find_terms(start) if start else None
            )
            run.journal = run.open_journal(origin, onlookers, settings)
            stack.callback(run.journal.close)
        course.tell_differences(changed)
        return run.train()


class _Run:
    """A run of segmentation: what is measured, kept and written between the epochs."""

    def __init__(
        self,
        recipe: Recipe,
        course: Course,
        log: Log,
        eval_pairs: PairList,
        card: ModelCard,
        at_the_end: MakeWatchers | None,
    ) -> None:
        self.recipe, self.course, self.log = recipe, course, log
        self.out, self.trainee, self.accelerator = course.out, course.trainee, course.accelerator
        self.eval_pairs, self.card, self.at_the_end = eval_pairs, card, at_the_end
        self.journal: Journal | None = None
        self._share = -(-len(eval_pairs.pairs) // self.accelerator.num_processes)
        self._is_first = True
        network, device = self.trainee.to_keep, self.accelerator.device
        engine = TorchEngine(network, device=device)  # type: ignore[arg-type]
        self.predict = Predictor(engine, card).predict_pixels

    def open_journal(self, origin: Origin, onlookers: Onlookers, settings: Settings) -> Journal:
        """Begin what is kept for people; of the first process."""
        return Journal(
            self.out,
            self.course.pairs.label_set,
            origin,
            seen=self._share,
            trackers=open_trackers(
                onlookers.trackers,
                self.out,
                step=self.trainee.step,
                settings=settings,
                told=self.course.reporter.told,
            ),
        )

    def train(self) -> Evaluation:
        """Train to the end, and give the last evaluation."""
        evaluation = None
        with self.course.interruption:
            for epoch in self.course.epochs(self._look_at):
                evaluation = self._finish_epoch(epoch)
            return evaluation or self._measure()

    def _look_at(self, progress: Progress) -> None:
        if self.journal:
            self.journal.stepped(progress)

    def _finish_epoch(self, number: int) -> Evaluation | None:
        """Measure, keep and log, and save that all this is done."""
        evaluation = self._measure() if self.course.is_due(number) else None
        card = self._keep(evaluation, number) if evaluation else None
        with self.course.interruption.busy:  # the log and the position are saved together
            self.log.add(self.trainee, evaluation)
            self.trainee.finish_epoch()
        if self.journal:
            self.log.write(self.out)
        if self.journal and card:
            self.journal.describe(card, best=self.log.best)
        self.course.save()
        return evaluation

    def _measure(self) -> Evaluation:
        self.trainee.gather()
        network = self.trainee.to_keep.eval()
        share_buffers(network, self.accelerator)
        matrix, images = measure_together(
            self.predict,
            self.eval_pairs,
            self.accelerator,
            kind=self.card.preprocessing.kind,
            watch=lambda share: self.course.until_interrupted(share, self._share),
            watchers=self.journal.watchers() if self.journal else [],
            of_all=self._watchers_of_all(),
        )
        return evaluation_of(matrix, self.eval_pairs.label_set.names, images)

    def _watchers_of_all(self) -> list[Watcher] | None:
        """Who is shown every picture, by the first process; None if nobody is."""
        first, last = self._is_first, self.course.is_over and self.at_the_end is not None
        self._is_first = False
        if not (first or last):
            return None
        watchers = self.journal.watchers_of_all() if self.journal and first else []
        if last and self.at_the_end and self.accelerator.is_main_process:
            watchers += self.at_the_end(self.eval_pairs.label_set)
        return watchers

    def _keep(self, evaluation: Evaluation, epoch: int) -> ModelCard:
        """Tell of a measurement, and write the network as the last, and as the best if it is."""
        self.course.reporter.evaluated(epoch, evaluation)
        result = result_of(evaluation, split=self.recipe.data.eval_split, epoch=epoch)
        card = self.card.model_copy(update={"result": result})
        if self.journal:
            better = evaluation.mean_iou > self.log.best[1]
            for name in ("last", "best") if better else ("last",):
                path = self.out / f"{name}.safetensors"
                save_model(path, self.trainee.to_keep, card, overwrite=True)
            self.journal.measured(evaluation, epoch=epoch, step=self.trainee.step)
        return card
