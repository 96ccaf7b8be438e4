"""Train a classifier of whole pictures: from a recipe to a run folder."""

import contextlib
from dataclasses import asdict
from pathlib import Path

from accelerate.utils import broadcast_object_list, set_seed

from atrous.data import PairList
from atrous.engine.evaluate_classes import ClassEvaluation, evaluate_classes, look_of
from atrous.engine.ranks import share_buffers
from atrous.recipes.assemble import build_accelerator
from atrous.recipes.classify_assemble import (
    TopLog,
    assemble_classifier,
    class_card_for,
    class_loss_for,
    open_class_splits,
)
from atrous.recipes.classify_recipe import ClassifyRecipe
from atrous.recipes.course import Course, conditions_of, set_out
from atrous.recipes.reporter import Reporter, Silent
from atrous.recipes.run_folder import (
    describe_run,
    find_checkpoint,
)
from atrous.recipes.run_lock import take_folder
from atrous.runtime.card import ModelCard
from atrous.weights.model_file import save_model


def run_classification(
    recipe: ClassifyRecipe,
    data: Path,
    *,
    out: Path,
    name: str,
    reporter: Reporter,
    resume: bool = False,
    allow_changes: bool = False,
) -> ClassEvaluation:
    """Train the classifier that a recipe describes, into a run folder.

    The folder gets what `atrous.recipes.run.run_training` leaves; ``best.safetensors`` is the best
    by top-1 accuracy on the evaluation split.

    Args:
        recipe: What to train and how.
        data: Folder with ``train/CLASS`` and ``val/CLASS``.
        out: The run folder; must not exist unless ``resume``.
        name: What the model is called in its card.
        reporter: Told of each step and evaluation.
        resume: Go on from the newest checkpoint in ``out``.
        allow_changes: Resume under settings that weights depend on and that have changed.

    Returns:
        The last evaluation.

    Raises:
        ConfigError: If recipe and dataset do not fit each other.
        DatasetError: If the dataset cannot be used.
        WeightsError: If a checkpoint does not fit.
        ResourceError: If ``out`` is there already, or cannot be written, or memory is short.
        TrainingError: If losses or gradients were not finite too often.
        Interrupted: If a signal asked to stop; the state is saved.
    """
    pairs, eval_pairs = open_class_splits(recipe, data)
    accelerator = build_accelerator(recipe.train)
    out = Path(*broadcast_object_list([str(out)]))
    reporter = reporter if accelerator.is_main_process else Silent()
    settings = recipe.model_dump(mode="json")
    conditions = conditions_of(settings, pairs, accelerator)
    with contextlib.ExitStack() as stack:
        take_folder(out, stack, accelerator, resume=resume)
        checkpoint, changed = find_checkpoint(
            out, conditions, resume=resume, allow_changes=allow_changes
        )
        set_seed(recipe.train.seed)
        parts = assemble_classifier(recipe, pairs, accelerator, reporter)
        log = TopLog()
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
            loss=class_loss_for(recipe, pairs, parts.sampler.steps, accelerator.device),
            log=log,
            reporter=reporter,
        )
        course.tell_differences(changed)
        return _Run(recipe, course, log, eval_pairs, class_card_for(recipe, name, pairs)).train()


class _Run:
    """A run of classification: what is measured, kept and written between the epochs."""

    def __init__(
        self,
        recipe: ClassifyRecipe,
        course: Course,
        log: TopLog,
        eval_pairs: PairList,
        card: ModelCard,
    ) -> None:
        self.recipe, self.course, self.log = recipe, course, log
        self.out, self.trainee, self.accelerator = course.out, course.trainee, course.accelerator
        self.eval_pairs, self.card = eval_pairs, card
        self._share = -(-len(eval_pairs.pairs) // self.accelerator.num_processes)

    def train(self) -> ClassEvaluation:
        """Train to the end, and give the last evaluation."""
        found = None
        with self.course.interruption:
            for epoch in self.course.epochs(lambda _: None):
                found = self._finish_epoch(epoch)
            return found or self._measure()

    def _finish_epoch(self, number: int) -> ClassEvaluation | None:
        """Measure, keep and log, and save that all this is done."""
        found = self._measure() if self.course.is_due(number) else None
        if found:
            self.course.reporter.evaluated(number, found)
            if self.accelerator.is_main_process:
                self._keep(found, number)
        with self.course.interruption.busy:  # the log and the position are saved together
            self.log.add(self.trainee, found)
            self.trainee.finish_epoch()
        if self.accelerator.is_main_process:
            self.log.write(self.out)
        self.course.save()
        return found

    def _measure(self) -> ClassEvaluation:
        self.trainee.gather()
        network = self.trainee.to_keep.eval()
        share_buffers(network, self.accelerator)
        return evaluate_classes(
            network,
            self.eval_pairs,
            self.card.preprocessing,
            self.accelerator,
            watch=lambda share: self.course.until_interrupted(share, self._share),
        )

    def _keep(self, found: ClassEvaluation, epoch: int) -> None:
        """Write the network as the last, and as the best if none before was as good."""
        result = {
            **asdict(found),
            "split": self.recipe.data.eval_split,
            "epoch": epoch,
            "convention": look_of(self.card.preprocessing),
        }
        card = self.card.model_copy(update={"result": result})
        for name in ("last", "best") if found.top1 > self.log.best else ("last",):
            path = self.out / f"{name}.safetensors"
            save_model(path, self.trainee.to_keep, card, overwrite=True)
