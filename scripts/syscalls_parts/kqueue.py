"""What the same script costs on kqueue: the calls of the poller, as a trace of epoll shows them, are put
to the plan that the kqueue backend follows (sys/examples/kqueue_calls.rs). Every other call is the same
there, or has another name."""

import dataclasses
import re
import subprocess

from . import naming

BITS = re.compile(r"events=([A-Z0-9|]+), data=\{u32=\d+, u64=(\d+)\}")
CONTROL = re.compile(r"EPOLL_CTL_(ADD|MOD|DEL), (\d+)")
VERBS = {"ADD": "add", "MOD": "set", "DEL": "remove"}
# What Linux alone has, and what a BSD has in its place; nothing: there is no such call.
OTHER_NAMES = {"epoll_create1": "kqueue", "prlimit64": "getrlimit", "clock_nanosleep": "nanosleep",
               "rt_sigaction": "sigaction", "rt_sigreturn": "sigreturn", "exit_group": "exit",
               "newfstatat": "fstatat", "statx": "fstat", "brk": "", "mremap": "", "rseq": "",
               "set_tid_address": "", "set_robust_list": "", "arch_prctl": "sysarch"}
MADE = "kqueue() = poller"
NUMBERS = re.compile(r"[0-9,]+")


@dataclasses.dataclass
class Planned:
    """A call that would be made. Those that differ in a number are alike."""

    text: str

    @property
    def key(self):
        return NUMBERS.sub("", self.text)


def build(root):
    command = ["cargo", "build", "--release", "--locked", "--quiet", "-p", "squint-sys",
               "--example", "kqueue_calls"]
    subprocess.run(command, check=True, cwd=root)
    return root / "target" / "release" / "examples" / "kqueue_calls"


def calls(program, lane):
    """The counted calls on kqueue, in order. What the loader does before the poller is
    made is another matter there, and left out."""
    recording = lane.recording
    names, tokens, lines = naming.Names(recording), {}, {}
    before = len(recording.before)
    for index, call in enumerate(recording.before + recording.calls):
        line = line_of(call, names, tokens)
        if line:
            lines[index] = line
        names.follow(call)
    answers = ask(program, lines)
    found = []
    for index, named in enumerate(lane.named, start=before):
        if index in answers:
            found += answers[index]
        elif OTHER_NAMES.get(named.name, named.name):
            found.append(named.text.replace(named.name, OTHER_NAMES.get(named.name, named.name), 1))
    if MADE in found:
        found = found[found.index(MADE):]
        found.insert(1, "fcntl(poller, FD_CLOEXEC)")
    return [Planned(text) for text in found]


def line_of(call, names, tokens):
    """The line for a call of the poller, or nothing."""
    control = CONTROL.search(call.arguments)
    if call.name == "epoll_ctl" and control:
        action, number = control.groups()
        bits = BITS.search(call.arguments)
        if bits is None:
            return f"{VERBS[action]} {number}"
        tokens[bits[2]] = number
        name = names.kinds.get(int(number), "?").replace(" ", "_")
        return f"{VERBS[action]} {number} {name} {without_prefix(bits[1])}"
    if call.name == "epoll_wait":
        events = BITS.findall(call.arguments) if call.answer not in ("?", "0", "-1") else []
        words = [f"{tokens[token]} {without_prefix(bits)}" for bits, token in events if token in tokens]
        return " ".join(["wait", *words])
    return None


def without_prefix(bits):
    return bits.replace("EPOLL", "")


def ask(program, lines):
    """Index of a call -> the calls in its place."""
    text = "".join(f"{line}\n" for line in lines.values())
    output = subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout
    return {index: [part for part in answer.split(", ") if part]
            for index, answer in zip(lines, output.splitlines())}
