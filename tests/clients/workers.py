"""Worker processes that are killed and started again, and a log to which all of them write."""

import collections
import contextlib
import multiprocessing
import os
import tempfile
import threading
import time

# A copy of this process needs no imports of its own, and starts in milliseconds.
PROCESSES = multiprocessing.get_context("fork")
TIME_MAX_S = 20


def wait_until(what, is_true):
    deadline = time.monotonic() + TIME_MAX_S
    while not is_true():
        assert time.monotonic() < deadline, f"{what()}: waited too long"
        time.sleep(0.005)


class Log:
    """Words, a line for each note. A note is one write at the end of a file: whole, or not there."""

    def __init__(self, path):
        self.path = path
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, *words):
        os.write(self.file, (" ".join(map(str, words)) + "\n").encode())

    def about(self, first):
        """What follows the first word, of all notes that begin with it."""
        with open(self.path, encoding="ascii") as lines:
            notes = [line.split() for line in lines]
        rests = [rest for word, *rest in notes if word == first]
        return [rest[0] if len(rest) == 1 else tuple(rest) for rest in rests]


class Workers:
    """Runs `work(name, log)` in processes, each under a name of its own; they do not outlive this one."""

    def __init__(self, work, directory):
        self.work, self.directory = work, directory
        self.log = Log(os.path.join(directory, "log"))
        self.processes = {}
        # Nobody writes: the end of what can be read is the end of this process.
        self.life, self.own_life = os.pipe()

    def run(self, name):
        os.close(self.own_life)
        threading.Thread(target=lambda: os.read(self.life, 1) or os._exit(1), daemon=True).start()
        self.work(name, self.log)

    def start(self, name):
        process = PROCESSES.Process(target=self.run, args=(name,), daemon=True)
        process.start()
        self.processes[name] = process

    def kill(self, name):
        """SIGKILL, and wait: its connections are closed when this returns."""
        process = self.processes.pop(name)
        assert process.is_alive(), f"worker {name} ended by itself: {process.exitcode}"
        process.kill()
        process.join()

    def kill_all(self):
        for name in list(self.processes):
            self.kill(name)


@contextlib.contextmanager
def workers(work):
    with tempfile.TemporaryDirectory() as directory:
        crew = Workers(work, directory)
        try:
            yield crew
        finally:
            for process in crew.processes.values():
                process.kill()
                process.join()


def assert_once_each(what, expected, found):
    """Says what is missing, what is twice, and what should not be there."""
    twice = sorted(one for one, count in collections.Counter(found).items() if count > 1)
    lost, foreign = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    assert not (lost or twice or foreign), f"{what}: lost {lost}, twice {twice}, foreign {foreign}"
