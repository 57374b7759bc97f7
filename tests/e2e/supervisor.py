"""Who starts the gateway again when it was killed, as systemd would; and runs of that kind side by side."""

import re
import threading

from lab import listens, wait_until

AT_A_TIME = 6


class Supervisor:
    """Starts the gateway again whenever it was killed; `plan` gives the crash point of each start. `look` is called between."""

    def __init__(self, gate, plan, look=lambda: None):
        self.gate, self.plan, self.deaths, self.past, self.over = gate, list(plan), [], [], False
        self.look, self.guard = look, threading.Lock()
        self.begin()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def begin(self):
        env = {"ACMEGATE_CRASH_LOG": "1"}
        if self.plan:
            env["ACMEGATE_CRASH_AT"] = str(self.plan.pop(0))
        self.gate.start(env, wait=False)
        self.past.append(self.gate.process)

    def watch(self):
        while True:
            status = self.gate.process.child.wait()
            with self.guard:
                if self.over:
                    return
                self.deaths.append(status)
                self.look()
                self.begin()

    def end(self):
        """SIGTERM; the last one's exit status. Its way out has places to be killed at, too."""
        with self.guard:
            self.over = True
        # one that was only just begun does not know SIGTERM yet
        wait_until("the gateway to listen", lambda: listens(self.gate.port) or not self.gate.process.running())
        status = self.gate.stop()
        self.thread.join()
        if status == -9:
            self.deaths.append(status)
            self.plan = []
            self.begin()
            wait_until("the gateway to listen", lambda: listens(self.gate.port))
            status = self.gate.stop()
        return status


def outcome(supervisor, result, good, **more):
    """Of a run that has ended: what is not as it should be, how often it was killed, and where."""
    text = supervisor.gate.process.text()
    return dict(more, deaths=supervisor.deaths, where=re.findall(r"crash_point \d+ (.*): ends here", text), log=text,
                wrong={k: (result[k], good[k]) for k in good if result[k] != good[k]})


def judge(t, result, deaths, what, states=None):
    """Was it killed by us alone, and so often, and is all as it should be? `states`: what may have been seen in between."""
    good = ("fault" not in result and not result["wrong"] and len(result["deaths"]) >= deaths and set(result["deaths"]) <= {-9}
            and (states is None or result["seen"] <= states))
    if not t.ok(good, what):
        t.note({k: v for k, v in result.items() if k != "log"})
        t.note("\n".join(line[:300] for line in result.get("log", "").splitlines()[-60:]))


def side_by_side(works):
    """Run functions, some at a time; their results in order, or {'fault': text}."""
    results, slots = [None] * len(works), threading.Semaphore(AT_A_TIME)

    def run(at, work):
        with slots:
            try:
                results[at] = work()
            except Exception as fault:
                results[at] = {"fault": "%s: %s" % (type(fault).__name__, fault)}

    threads = [threading.Thread(target=run, args=(at, work)) for at, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
