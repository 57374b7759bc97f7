"""The Test Anything Protocol for the end-to-end tests, one process per file; runs under prove and tests/run."""

import contextlib
import sys
import traceback


class Tap:
    def __init__(self):
        self.run = self.bad = 0

    def ok(self, good, name):
        """One test: `good` is the verdict, the name says what is true when it passed."""
        self.run += 1
        if not good:
            self.bad += 1
        print("%sok %d - %s" % ("" if good else "not ", self.run, name), flush=True)
        if not good:
            frame = sys._getframe(1)
            while frame.f_code.co_filename == __file__:
                frame = frame.f_back
            self.note("at %s:%d" % (frame.f_code.co_filename, frame.f_lineno))
        return bool(good)

    def equal(self, got, want, name):
        if not self.ok(got == want, name):
            self.note(" got: %r" % (got,))
            self.note("want: %r" % (want,))
        return got == want

    def note(self, text):
        for line in str(text).splitlines():
            print("# " + line, flush=True)

    @contextlib.contextmanager
    def part(self, name):
        """What raises in here is a failed test, and the next part goes on."""
        try:
            yield
        except Exception as fault:  # whatever it is, it is reported
            self.ok(False, "%s: %s: %s" % (name, type(fault).__name__, fault))
            self.note(traceback.format_exc())

    def done(self):
        """Last line of a test: sys.exit(t.done())"""
        print("1..%d" % self.run, flush=True)
        return 1 if self.bad or not self.run else 0
