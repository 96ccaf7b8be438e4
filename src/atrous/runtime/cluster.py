"""Work spread over a cluster with Ray Data.

Each worker builds what it works with once, such as a loaded model, and keeps it. Workers read
sources and write outputs themselves, so all machines must see the same files at the same paths.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from atrous.errors import DependencyError, ResourceError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
LOCAL = "local"
"""The address of a cluster that is started here, for this run alone."""
_ITEM, _ANSWER = "item", "answer"


def run_on_cluster(
    items: Sequence[Item],
    build: Callable[[], Callable[[Item], Answer]],
    address: str,
    *,
    workers: int | None = None,
) -> Iterator[Answer]:
    """Answers as they come, in no certain order.

    Args:
        items: What there is to work on.
        build: Called once in each worker; gives what turns an item into its answer. It is pickled,
            as are items and answers.
        address: ``auto`` for the cluster of RAY_ADDRESS or of this machine, an address such as
            ``ray://head:10001``, or ``local``.
        workers: How many; None for as many as there are cores or items.

    Raises:
        DependencyError: If Ray is not installed.
        ResourceError: If there is no such cluster, or a worker is lost again and again.
    """
    ray = _import_ray()
    try:
        _connect(ray, address)
        cores = int(ray.cluster_resources().get("CPU", 1))
        count = max(min(workers or cores, cores, len(items)), 1)
        work = ray.data.from_items([{_ITEM: item} for item in items])
        # Blocks of few items keep all workers busy to the end.
        work = work.repartition(min(len(items), 8 * count))
        answers = work.map(
            _Worker, fn_constructor_args=(build,), concurrency=count, num_cpus=1
        ).iter_rows()
        for row in answers:
            yield row[_ANSWER]
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ResourceError(f"Ray at {address!r} gave up: {reason}") from None
    finally:
        ray.shutdown()


class _Worker(Generic[Item, Answer]):
    def __init__(self, build: Callable[[], Callable[[Item], Answer]]) -> None:
        self._work = build()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {_ANSWER: self._work(row[_ITEM])}


def _import_ray() -> Any:
    # Ray reports its use over the network unless told otherwise, before it is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415
        import ray.data  # noqa: PLC0415
    except ModuleNotFoundError:
        raise DependencyError("--ray needs Ray; pip install 'atrous[cluster]'") from None
    return ray


def _connect(ray: Any, address: str) -> None:
    local = {"include_dashboard": False} if address == LOCAL else {}
    ray.init(address, log_to_driver=False, logging_level="ERROR", **local)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
