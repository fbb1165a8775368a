"""gdb helpers: `source contrib/gdb/litfass.py`, then

task-list [LOOP]   every task of the event loop: flow#id, step, what it waits for
task-trace TASK    a task and its parents, with error and state

LOOP is an expression of type struct loop *; without it the frames of the selected thread are
searched for one. The loop of an idle worker is found from its main thread.
"""

import gdb


def deref_type(value):
    t = value.type.strip_typedefs()
    return t.target().strip_typedefs().tag if t.code == gdb.TYPE_CODE_PTR else None


def find_loop(arg):
    if arg:
        return gdb.parse_and_eval(arg)
    frame = gdb.selected_frame()
    while frame is not None:
        try:
            block = frame.block()
        except RuntimeError:
            block = None
        while block is not None and not block.is_global and not block.is_static:
            for symbol in block:
                if not (symbol.is_variable or symbol.is_argument):
                    continue
                value = symbol.value(frame)
                tag = deref_type(value)
                if tag == "loop":
                    return value
                if tag == "task":
                    return value.dereference()["loop"]
            block = block.superblock
        frame = frame.older()
    raise gdb.GdbError("no struct loop * or struct task * in these frames: name one")


def tasks(loop):
    task = gdb.lookup_type("struct task")
    offset = next(f.bitpos // 8 for f in task.fields() if f.name == "all")
    head = loop.dereference()["tasks"]["all"]
    char = gdb.lookup_type("char").pointer()
    it = head["next"]
    while int(it) != int(head.address):
        yield (it.cast(char) - offset).cast(task.pointer())
        it = it.dereference()["next"]


def describe(t):
    at = str(t["at"]).replace("TASK_", "").lower()
    line = f"{t['flow']['name'].string()}#{int(t['ctx']['id'])} "
    line += t["ctx"]["step"].string() if int(t["ctx"]["step"]) else "-"
    line += f" {at}"
    if int(t["wait"]):
        line += f" waits for {t['wait']['name'].string()}"
    if int(t["failing"]):
        line += " failing"
    return f"{line}  (struct task *){int(t):#x}"


class TaskList(gdb.Command):
    """task-list [LOOP]: every task of the event loop."""

    def __init__(self):
        super().__init__("task-list", gdb.COMMAND_DATA)

    def invoke(self, arg, from_tty):
        count = 0
        for t in tasks(find_loop(arg)):
            print(describe(t))
            count += 1
        print(f"{count} task(s)")


class TaskTrace(gdb.Command):
    """task-trace TASK: a task and its parents."""

    def __init__(self):
        super().__init__("task-trace", gdb.COMMAND_DATA)

    def invoke(self, arg, from_tty):
        t = gdb.parse_and_eval(arg or "t")
        if deref_type(t) != "task":
            raise gdb.GdbError("task-trace takes a struct task *")
        while int(t):
            print(describe(t))
            if int(t["error"]):
                print(f"    error {t['error'].dereference()}")
            print(f"    state {t['state']}  step {t['step']}")
            t = t["parent"]


TaskList()
TaskTrace()
