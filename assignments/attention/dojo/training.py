"""The training loop: it tries a step before it runs thousands, can be interrupted and goes on, and stops at NaN."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from .history import running_shell
from .printed import WIDTH, print_wrapped
from .structure import names_of

if TYPE_CHECKING:
    from .trial.training import Tried

Tensor = torch.Tensor
Minibatch = Callable[[torch.Generator], tuple[Tensor, Tensor]]

TRIED = 200  # steps of the trial, before all the others are run
AT_ONCE = 100  # steps between two looks at the clock; an interruption goes back to the last one
PARTS = " ▏▎▍▌▋▊▉"  # of a block of the bar
RECENT = 1000  # losses whose mean is shown, in the bar and in the curve


class Training:
    """A training of some parameters, step by step, that can be interrupted and goes on.

    parameters: the list of tensors that is trained, in place. losses: one number for each step that was done.
    """

    def __init__(
        self,
        loss: Callable[[list[Tensor], Tensor, Tensor], Tensor],
        own: Sequence[Tensor],
        start: Sequence[Tensor],
        minibatch: Minibatch,
        rate: Callable[[int], float],
        steps: int,
        seed: int,
    ) -> None:
        """Begin. loss: function(parameters, X, Y), the notebook's own forward pass, which the trial differentiates.

        own: the notebook's own parameters, which stay as they are and have names. start: where the training of copies
        starts. minibatch: draws X and Y from a generator, which begins with `seed`. rate: the learning rate of a step,
        by its number.
        """
        self.parameters = [tensor.detach().clone() for tensor in start]
        self.losses: list[float] = []
        self._start = [tensor.clone() for tensor in self.parameters]
        self._loss, self._own, self._minibatch, self._rate, self._steps = loss, own, minibatch, rate, steps
        self._source = torch.Generator().manual_seed(seed)
        self._first = self._source.get_state()
        self._kept = self._state()
        self._right = True  # whether the steps so far were taken by a step that is right
        self._refused: object = None  # the step that was not begun with last

    def cmp(self, name: str, step: Callable[..., object]) -> None:
        """Print how a step, called `name`, compares with PyTorch's over TRIED steps, and why it differs."""
        from .pictures import show_verdict

        tried = self._tried(step)
        print(tried.comparison.line(name))
        if tried.right:
            show_verdict("right", f"{tried.done} steps as PyTorch takes them")
        else:
            margin = f"{'':15s} | "
            print_wrapped(tried.reason or "", margin, margin)
            if not tried.todo:
                show_verdict("wrong", "")

    def run(self, step: Callable[..., object]) -> None:
        """Train with a step: function(parameters, X, Y, lr) that changes the parameters and returns the loss.

        After an interruption it goes on from there. A step that the trial finds wrong is not begun with, unless this is
        called once more.
        """
        try:
            if self._is_ready(step):
                self._go_on(step)
        except KeyboardInterrupt:
            self._say(f"stopped after {len(self.losses):,} steps; run this cell again to go on from there")

    def show_losses(self) -> None:
        """Draw how the loss has fallen so far."""
        from .curves import show_losses

        if len(self.losses) < RECENT:
            self._say(f"there is a curve after {RECENT:,} steps, and this training has {len(self.losses):,}")
        else:
            show_losses(self.losses, RECENT)

    def _is_ready(self, step: Callable[..., object]) -> bool:
        """Try the step, and return whether to train with it; say why not."""
        tried = self._tried(step)
        if tried.todo:
            self._say("this needs your function of the step, which is still to do")
            return False
        if not tried.right and self._refused is not step:
            self._refused = step
            self._say(
                f"not begun: {tried.reason}. Mend that first; to train with it all the same, run this cell once more"
            )
            return False
        self._refused = None
        if self.losses and not (tried.right and self._right):
            self._say("the step has changed since, so this begins again")
            self._restore((self._start, 0, self._first))
        elif len(self.losses) >= self._steps:
            self._say("all steps are done; to begin again, run the cell that makes this training once more")
            return False
        elif self.losses:
            self._say(f"goes on after {len(self.losses):,} steps")
        self._right = tried.right
        return True

    def _tried(self, step: Callable[..., object]) -> Tried:
        from .trial.first_wrong import Question
        from .trial.training import tried
        from .values import names_here

        source = torch.Generator()
        source.set_state(self._first)
        examples = [self._minibatch(source) for _ in range(TRIED)]
        names = names_of(self._own, names_here())
        return tried(step, Question(self._loss, names, self._start, self._own, examples, self._rate(0)))

    def _go_on(self, step: Callable[..., object]) -> None:
        bar = Bar(self._steps, len(self.losses))
        self._kept = self._state()
        try:
            with torch.no_grad():
                bar.show(self.losses)
                while len(self.losses) < self._steps:
                    problem = self._some(step, min(AT_ONCE, self._steps - len(self.losses)))
                    if problem is not None:
                        self._restore(self._kept)
                        bar.end(self.losses)
                        self._say(f"{problem}; the parameters are as after {len(self.losses):,} steps")
                        return
                    self._kept = self._state()
                    bar.show(self.losses)
        except BaseException:  # an interruption, or what the student's step raises: some parameters may be half way
            self._restore(self._kept)
            bar.end(self.losses)
            raise

    def _some(self, step: Callable[..., object], count: int) -> str | None:
        """Take some steps; return a sentence where one gives no finite loss."""
        for number in range(len(self.losses), len(self.losses) + count):
            x, y = self._minibatch(self._source)
            loss: Any = step(self.parameters, x, y, self._rate(number))
            if loss is None:
                return f"step {number + 1:,} returned nothing where the loss belongs"
            self.losses.append(float(loss))
            if not math.isfinite(self.losses[-1]):
                return f"stopped: the loss of step {number + 1:,} is {self.losses[-1]:g}"
        return None

    def _state(self) -> tuple[list[Tensor], int, Tensor]:
        return [tensor.clone() for tensor in self.parameters], len(self.losses), self._source.get_state()

    def _restore(self, state: tuple[list[Tensor], int, Tensor]) -> None:
        """Go back to a state. The lists stay the same ones, for the notebook has names for them."""
        tensors, done, drawn = state
        self.parameters[:] = [tensor.clone() for tensor in tensors]
        del self.losses[done:]
        self._source.set_state(drawn)

    @staticmethod
    def _say(sentence: str) -> None:
        print_wrapped(sentence, "", "")


class Bar:
    """How far a training is, in Jupyter and in a terminal, drawn again a few times a second."""

    def __init__(self, steps: int, done: int) -> None:
        self._steps = steps
        self._done = done  # before this run
        self._started = time.perf_counter()
        self._drawn = -math.inf
        self._handle: Any = None

    def show(self, losses: Sequence[float]) -> None:
        """Draw it, unless that was done a moment ago and this is not the end."""
        now = time.perf_counter()
        if now - self._drawn < 0.3 and len(losses) < self._steps:
            return
        self._drawn = now
        self._draw(bar_text(losses, self._steps, len(losses) - self._done, now - self._started))

    def end(self, losses: Sequence[float]) -> None:
        """Draw it for the last time, before its end."""
        self._drawn = -math.inf
        self.show(losses)
        if self._handle is None:
            print()

    def _draw(self, lines: tuple[str, str]) -> None:
        if self._in_jupyter():
            from IPython.display import display

            content = {"text/plain": "\n".join(lines)}
            if self._handle is None:
                self._handle = display(content, raw=True, display_id=True)
            else:
                self._handle.update(content, raw=True)
        else:
            print(f"\r{lines[1]:{WIDTH}s}", end="\n" if lines[1].startswith("all ") else "", flush=True)

    @staticmethod
    def _in_jupyter() -> bool:
        return getattr(running_shell(), "kernel", None) is not None


def bar_text(losses: Sequence[float], steps: int, new: int, seconds: float) -> tuple[str, str]:
    """Return the bar, and the line below it. new: how many of the losses this run has made, in so many seconds."""
    done = len(losses)
    eighths = 8 * WIDTH * done // steps
    bar = "█" * (eighths // 8) + (PARTS[eighths % 8] if eighths % 8 else "")
    recent = losses[-RECENT:]
    mean = f", loss {sum(recent) / len(recent):.4f}" if recent else ""
    speed = f", {new / seconds:,.0f} a second" if new and seconds > 0 else ""
    if done == steps:
        return bar, f"all {steps:,} steps{speed}{mean}"
    left = f", {_clock((steps - done) * seconds / new)} left" if new else ""
    return f"{bar:░<{WIDTH}s}", f"{done:,} of {steps:,} steps{speed}{left}{mean}"


def _clock(seconds: float) -> str:
    whole = math.ceil(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
