"""The processor time of a tree of processes, ended children included."""

import psutil


def tree_cpu_s(pid: int) -> float:
    """What a process and all below it have used so far, in user and kernel, in seconds.

    A child that has ended counts in what its parent waited for.
    """
    return sum(cpu_of_each(pid).values())


def cpu_of_each(pid: int) -> dict[str, float]:
    """The same by process, named after its command line's last telling word."""
    used: dict[str, float] = {}
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            times, name = process.cpu_times(), name_of(process)
        except psutil.NoSuchProcess:
            continue
        used[name] = used.get(name, 0.0) + times.user + times.system + times.children_user + times.children_system
    return used


def name_of(process: psutil.Process) -> str:
    """What a process is: the module that it runs, or its program."""
    words = process.cmdline()
    module = next((word.split()[1] for word in words if word.startswith("from assay.")), "")
    return module.removeprefix("assay.").removesuffix(".main") or process.name()
