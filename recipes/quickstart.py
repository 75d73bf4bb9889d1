"""From nothing to a verified chain-of-thought dataset on two cores: real tables, drawn as charts, asked and checked.

    curate run recipes/quickstart.py

Four tables that ship inside scikit-learn are drawn as charts, and every question's answer is computed from the numbers
its chart shows. A model of 135M parameters, embedded in the process, writes the reasoning four times; a verifier
compares its answers with the computed ones, and only right traces are kept. The model cannot see: it gets a text that
tells the chart's numbers in place of the picture (the modality bridge of Vision-R1, arXiv 2503.06749), which every
trace's `method` says. Each kind of question comes with two worked examples of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from generators.think_then_answer import ThinkThenAnswer
from schemas.errors import PluginError
from schemas.prompt import options_text
from schemas.request import Program, Sampling
from schemas.sample import Sample
from schemas.thinking import join
from schemas.trace import Trace
from scorers.clarity import Clarity
from scorers.integration import Integration
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from curate.run import Run
    from schemas.version import Version

QUERIES = (
    "SELECT source, count(*), avg(clarity.value) FROM samples GROUP BY ALL",
    "SELECT rule, count(*) FROM dropped GROUP BY ALL ORDER BY ALL",
)
PROMPT = "Read the numbers off the chart, reason step by step, and end with the answer."


def build(run: Run, *, name: str = "quickstart", tries: int = 4, temperature: float = 0.4, seed: int = 0) -> Version:
    """Build the versions `NAME-charts` and `NAME`.

    Args:
        run: the workspace and the models; without `--teacher` the embedded model.
        name: name of the final version.
        tries: draws per question.
        temperature: of the draws.
        seed: of the first try; every further try has the next one.

    """
    _need("matplotlib", "sklearn", *(() if run.roles else ("xllamacpp",)))
    run.default_teacher("embedded")
    source = write(run.store.root / "quickstart")
    asked = run.read(source, name=f"{name}-charts", score=[Clarity(), Integration()])
    sampling = Sampling(temperature=temperature, max_tokens=128, seed=seed)
    version = run.distil(asked, ByKind(VerifyAnswer(), tries, sampling), name=name)
    run.funnel(version)
    _show(run, version)
    return version


@dataclass(frozen=True, slots=True)
class ByKind:
    """Think-then-answer with the two worked examples of the question's kind: a small model needs its like shown."""

    version: ClassVar[int] = 1
    verifier: VerifyAnswer
    tries: int
    sampling: Sampling
    prompt: str = PROMPT
    worked: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=lambda: worked_examples())  # noqa: PLW0108 - defined further down

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace for every try, each with its verdict."""
        ask = ThinkThenAnswer(
            verifier=self.verifier,
            tries=self.tries,
            prompt=self.prompt,
            examples=self.worked[str(sample.meta["kind"])],
            bridge="chart",
            revise=False,
            sampling=self.sampling,
        )
        return (yield from ask(sample))


def write(folder: Path) -> Path:
    """Draw every chart into `folder` and write its questions beside it as JSON lines; return that file."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for turn, (name, chart) in enumerate(charts()):
        picture(chart, folder / f"{name}.png")
        rows += [_row(name, chart, kind, asked) for kind, asked in questions(chart, turn=turn)]
    # Questions of a kind share their worked examples, which the server then reads once for many.
    rows.sort(key=lambda row: list(ASKED).index(row["kind"]))
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _row(name: str, chart: Chart, kind: str, asked: Asked) -> dict[str, Any]:
    row = {"image": f"{name}.png", "question": asked.question, "answer": asked.answer, "options": list(asked.options)}
    table = name.rpartition("-")[0]
    return {**row, "source": f"scikit-learn/{table}", "kind": kind, "drawn": chart.draw, "chart": chart.text()}


def _need(*modules: str) -> None:
    if missing := [module for module in modules if find_spec(module) is None]:
        raise PluginError(f"the quickstart needs {', '.join(missing)}: pip install 'curate-cot[quickstart]'")


def _show(run: Run, version: Version) -> None:
    """Show a kept trace of usual length, and what to do next."""
    kept = [(sample, trace) for sample, traces in run.store.pairs(version) for trace in traces]
    if kept:
        sample, trace = sorted(kept, key=lambda pair: len(pair[1].reasoning))[len(kept) // 2]
        run.say(f"\nOne kept trace, by {trace.teacher} ({trace.method}):\n\n{sample.question}\n")
        run.say(f"{join(trace.reasoning, trace.answer)}\n")
    run.say(f"{version.ref} holds {len(kept)} verified traces. Look further:\n")
    for query in QUERIES:
        run.say(f'  curate sql "{query}" --at {version.ref} --workspace {run.store.root}')


class Chart(NamedTuple):
    """One chart: the numbers it shows and the words around them."""

    draw: str
    """Which of `DRAWN` draws it."""
    item: str
    """What one label stands for, as questions say it: `species`."""
    labels: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]
    """What is shown, as questions say it, to one number a label; several stand side by side."""
    asks: str
    """Kinds of the questions about it, of `ASKED`; they go round the series."""
    unit: str = ""
    across: str = ""
    """What the axis of labels says where `item` is not enough."""
    rows: Sequence[Any] = ()
    """For `box` and `scatter`: the rows of the table behind each label."""

    @property
    def title(self) -> str:
        """What is shown by what."""
        return _capital(f"{' and '.join(self.series)} by {self.item}")

    def text(self) -> str:
        """Tell what the chart shows: every number by label, then by size, as an eye would take it in."""
        return "\n".join(line for what in self.series for line in self._lines(what))

    def _lines(self, what: str) -> Iterator[str]:
        pairs = list(zip(self.labels, self.series[what], strict=True))
        rising = sorted(pairs, key=lambda pair: pair[1])
        head = f"{what} ({self.unit})" if self.unit else what
        yield f"{_capital(head)}: " + ", ".join(f"{label} {number:g}" for label, number in pairs) + "."
        yield "From the largest: " + ", ".join(f"{number:g} {label}" for label, number in reversed(rising)) + "."
        yield "From the smallest: " + ", ".join(f"{number:g} {label}" for label, number in rising) + "."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# -- Questions: what is asked of a chart, with the answer computed from its numbers --------------------------------


class Asked(NamedTuple):
    """A question, its answer, and its options where it has some."""

    question: str
    answer: str
    options: tuple[str, ...] = ()


class Bars(NamedTuple):
    """One series of a chart as a question sees it: numbers by label, and two labels to ask about."""

    item: str
    what: str
    numbers: dict[str, float]
    one: str
    other: str

    @property
    def ordered(self) -> list[str]:
        """Labels from the smallest number to the largest."""
        return sorted(self.numbers, key=lambda label: self.numbers[label])

    @property
    def pair(self) -> tuple[str, str]:
        """The two labels, the one with the larger number first."""
        low, high = (label for label in self.ordered if label in (self.one, self.other))
        return high, low


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def largest(bars: Bars) -> Asked:
    """Ask which label has the largest number."""
    return Asked(f"Which {bars.item} has the largest {bars.what}?", bars.ordered[-1], tuple(bars.numbers))


def smallest(bars: Bars) -> Asked:
    """Ask which label has the smallest number."""
    return Asked(f"Which {bars.item} has the smallest {bars.what}?", bars.ordered[0], tuple(bars.numbers))


def top(bars: Bars) -> Asked:
    """Ask for the largest number."""
    return Asked(f"What is the largest {bars.what}?", _number(max(bars.numbers.values())))


def value(bars: Bars) -> Asked:
    """Ask for the number of one label."""
    return Asked(f"What is the {bars.what} for {bars.one}?", _number(bars.numbers[bars.one]))


def total(bars: Bars) -> Asked:
    """Ask for the sum of two numbers."""
    question = f"What is the {bars.what} for {bars.one} and {bars.other} together?"
    return Asked(question, _number(bars.numbers[bars.one] + bars.numbers[bars.other]))


def difference(bars: Bars) -> Asked:
    """Ask by how much one number is larger than another."""
    high, low = bars.pair
    question = f"How much larger is the {bars.what} for {high} than for {low}?"
    return Asked(question, _number(bars.numbers[high] - bars.numbers[low]))


KINDS = (largest, smallest, top, value, total, difference)
ASKED: Mapping[str, Callable[[Bars], Asked]] = {ask.__name__: ask for ask in KINDS}


def questions(chart: Chart, *, turn: int = 0) -> Iterator[tuple[str, Asked]]:
    """Yield the kind and the words of every question about a chart; `turn` moves the labels they ask about."""
    names, labels = list(chart.series), chart.labels
    for place, kind in enumerate(chart.asks.split()):
        what = names[place % len(names)]
        numbers = dict(zip(labels, chart.series[what], strict=True))
        at = (turn + place) % len(labels)
        yield kind, ASKED[kind](Bars(chart.item, what, numbers, labels[at], labels[(at + 1) % len(labels)]))


# -- Worked examples: two of every kind, with charts that are not in the data ---------------------------------------

WORKED = {
    "largest": (
        "From the largest: 83 autumn, 61 spring, 24 summer. The largest is 83 autumn, so it is autumn.",
        "From the largest: 55 blue, 40 red, 32 green. The largest is 55 blue, so it is blue.",
    ),
    "smallest": (
        "From the smallest: 24 summer, 61 spring, 83 autumn. The smallest is 24 summer, so it is summer.",
        "From the smallest: 32 green, 40 red, 55 blue. The smallest is 32 green, so it is green.",
    ),
    "top": (
        "From the largest: 83 autumn, 61 spring, 24 summer. The first number is 83, so the largest is 83.",
        "From the largest: 55 blue, 40 red, 32 green. The first number is 55, so the largest is 55.",
    ),
    "value": (
        "The chart shows spring 61, summer 24, autumn 83. The one asked for is spring, which is 61.",
        "The chart shows red 40, blue 55, green 32. The one asked for is blue, which is 55.",
    ),
    "total": (
        "The two are spring 61 and summer 24. Together that is 61 + 24 = 85.",
        "The two are blue 55 and green 32. Together that is 55 + 32 = 87.",
    ),
    "difference": (
        "The two are spring 61 and summer 24. The difference is 61 - 24 = 37.",
        "The two are blue 55 and green 32. The difference is 55 - 32 = 23.",
    ),
}


def worked_examples() -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Return (question, reasoning, answer) of both examples, by kind."""
    rain = Chart("bar", "season", ("spring", "summer", "autumn"), {"mean rainfall": (61, 24, 83)}, "", "mm")
    pupils = Chart("bar", "class", ("red", "blue", "green"), {"number of pupils": (40, 55, 32)}, "")
    return {
        kind: tuple(
            (_told(chart, asked), reasoning, asked.answer)
            for turn, (chart, reasoning) in enumerate(zip((rain, pupils), texts, strict=True))
            for _, asked in questions(chart._replace(asks=kind), turn=turn)
        )
        for kind, texts in WORKED.items()
    }


def _told(chart: Chart, asked: Asked) -> str:
    """Write a question as the generator does, with the chart's text in place of the picture."""
    return "\n".join(part for part in (chart.text(), asked.question, options_text(asked.options)) if part)


# -- Tables: what of them is shown ---------------------------------------------------------------------------------

SIZES = ("small", "medium", "large")


def charts() -> Iterator[tuple[str, Chart]]:
    """Yield every chart with its name, always the same ones."""
    for table in (iris, wine, diabetes, breast_cancer):
        for number, chart in enumerate(table(), start=1):
            yield f"{table.__name__}-{number}", chart


def iris() -> Iterator[Chart]:
    """Yield charts of 150 flowers of three species; the table's centimetres as millimetres."""
    from sklearn.datasets import load_iris

    table = load_iris()
    names = tuple(str(name) for name in table.target_names)
    flowers = [table.data[table.target == i] * 10 for i in range(len(names))]
    petals, sepals, widths = _means(flowers, 2), _means(flowers, 0), _means(flowers, 1)
    yield Chart("bar", "species", names, {"mean petal length": petals}, "largest value difference", "mm")
    both = {"mean sepal length": sepals, "mean sepal width": widths}
    yield Chart("grouped", "species", names, both, "top largest difference value", "mm")
    medians = tuple(float(median(rows[:, 3])) for rows in flowers)
    rows = [rows[:, 3] for rows in flowers]
    yield Chart("box", "species", names, {"median petal width": medians}, "largest top value", "mm", "", rows)
    counts = _counts(table.data[:, 2], (1, 3, 5, 7))
    bins = "petal length: small 1 to 3 cm, medium 3 to 5 cm, large 5 to 7 cm"
    yield Chart("histogram", "size", SIZES, {"number of flowers": counts}, "largest smallest value", "", bins)


def wine() -> Iterator[Chart]:
    """Yield charts of 178 wines of three cultivars, which the table calls classes."""
    from sklearn.datasets import load_wine

    table = load_wine()
    names = tuple(str(name).replace("_", " ") for name in table.target_names)
    wines = [table.data[table.target == i] for i in range(len(names))]
    sizes = tuple(float(len(rows)) for rows in wines)
    yield Chart("bar", "class", names, {"number of wines": sizes}, "largest smallest value total")
    alcohol, colour = _means(wines, 0, digits=1), _means(wines, 9, digits=1)
    both = {"mean alcohol": alcohol, "mean colour intensity": colour}
    rows = [rows[:, [0, 9]] for rows in wines]
    yield Chart("scatter", "class", names, both, "top largest value", "", "", rows)
    counts = _counts(table.data[:, 0], (11, 12, 13.5, 15))
    bins = "alcohol: light 11 to 12 %, medium 12 to 13.5 %, strong 13.5 to 15 %"
    strengths = ("light", "medium", "strong")
    yield Chart("histogram", "strength", strengths, {"number of wines": counts}, "top value smallest", "", bins)


def diabetes() -> Iterator[Chart]:
    """Yield charts of 442 patients, by age and by body mass index."""
    from sklearn.datasets import load_diabetes

    table = load_diabetes(scaled=False)
    age, index = table.data[:, 0], table.data[:, 2]
    ages = ("twenties", "thirties", "forties", "fifties", "sixties")
    decades = [(age >= low) & (age < low + 10) for low in range(20, 70, 10)]
    patients = tuple(float(rows.sum()) for rows in decades)
    yield Chart("bar", "age group", ages, {"number of patients": patients}, "largest smallest value total")
    pressures = _means([table.data[rows] for rows in decades], 3)
    yield Chart("line", "age group", ages, {"mean blood pressure": pressures}, "largest smallest value")
    groups = ("normal", "overweight", "obese")
    limits = [(index >= low) & (index < high) for low, high in ((18.5, 25), (25, 30), (30, 99))]
    bins = "weight by body mass index: normal 18.5 to 25, overweight 25 to 30, obese 30 and more"
    score = tuple(float(round(table.target[rows].mean())) for rows in limits)
    yield Chart("sideways", "weight", groups, {"mean progression score": score}, "largest value difference", "", bins)
    counts = tuple(float(rows.sum()) for rows in limits)
    yield Chart("bar", "weight", groups, {"number of patients": counts}, "top smallest total", "", bins)


def breast_cancer() -> Iterator[Chart]:
    """Yield charts of 569 tumours, malignant and benign."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    names = tuple(str(name) for name in table.target_names)
    tumours = [table.data[table.target == i] for i in range(len(names))]
    sizes = tuple(float(len(rows)) for rows in tumours)
    yield Chart("sideways", "diagnosis", names, {"number of tumours": sizes}, "largest value total")
    yield Chart("bar", "diagnosis", names, {"mean texture": _means(tumours, 1)}, "largest top value")
    bins = "mean radius: small under 12, medium 12 to 16, large 16 and more"
    counts = {
        f"number of {name} tumours": _counts(t[:, 0], (0, 12, 16, 99)) for name, t in zip(names, tumours, strict=True)
    }
    yield Chart("grouped", "size", SIZES, counts, "largest value top smallest", "", bins)


def _means(groups: Sequence[Any], column: int, *, digits: int = 0) -> tuple[float, ...]:
    return tuple(round(float(rows[:, column].mean()), digits) for rows in groups)


def _counts(values: Any, edges: Sequence[float]) -> tuple[float, ...]:
    """Count the values of each bin; a bin holds its lower edge and not its upper one."""
    return tuple(float(((values >= low) & (values < high)).sum()) for low, high in pairwise(edges))


# -- Drawing -------------------------------------------------------------------------------------------------------

COLOURS = ("#2f6f9f", "#e08a3c", "#5b9a5b")


def picture(chart: Chart, path: Path) -> None:
    """Draw a chart as a PNG; the same chart gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        figure = Figure(figsize=(6.4, 4.2), dpi=100, layout="constrained")
        axes = figure.add_subplot()
        DRAWN[chart.draw](axes, chart)
        axes.set_title(chart.title, fontsize=12)
        axes.spines[["top", "right"]].set_visible(False)
        # Without the library's version in the file, only its drawing can change the bytes.
        figure.savefig(path, metadata={"Software": None})


def _label(axes: Any, chart: Chart) -> None:
    axes.set_xlabel(chart.across or chart.item, fontsize=9)
    axes.set_ylabel(_what(chart, *chart.series) if len(chart.series) == 1 else chart.unit)
    axes.margins(y=0.15)


def _what(chart: Chart, what: str) -> str:
    return f"{what} ({chart.unit})" if chart.unit else what


def bar(axes: Any, chart: Chart, *, width: float = 0.6) -> None:
    """One bar a label."""
    (numbers,) = chart.series.values()
    axes.bar_label(axes.bar(chart.labels, numbers, width, color=COLOURS[0]), fmt="{:g}", padding=2)
    _label(axes, chart)


def histogram(axes: Any, chart: Chart) -> None:
    """One bar a bin, side by side."""
    bar(axes, chart, width=0.98)


def sideways(axes: Any, chart: Chart) -> None:
    """One bar a label, from left to right."""
    (what, numbers), *_ = chart.series.items()
    axes.bar_label(axes.barh(chart.labels[::-1], numbers[::-1], 0.6, color=COLOURS[1]), fmt="{:g}", padding=3)
    axes.set_xlabel(_what(chart, what))
    axes.set_ylabel(chart.item)
    if chart.across:
        axes.figure.supxlabel(chart.across, fontsize=9)
    axes.margins(x=0.12)


def grouped(axes: Any, chart: Chart) -> None:
    """One bar a label and series."""
    width = 0.8 / len(chart.series)
    for place, (what, numbers) in enumerate(chart.series.items()):
        at = [i + (place - (len(chart.series) - 1) / 2) * width for i in range(len(chart.labels))]
        axes.bar_label(axes.bar(at, numbers, width * 0.95, color=COLOURS[place], label=what), fmt="{:g}", padding=2)
    axes.set_xticks(range(len(chart.labels)), chart.labels)
    _label(axes, chart)
    axes.margins(y=0.28)
    axes.legend(frameon=False, loc="upper center", ncols=2, fontsize=9)


def line(axes: Any, chart: Chart) -> None:
    """One point a label, joined."""
    (numbers,) = chart.series.values()
    axes.plot(chart.labels, numbers, marker="o", color=COLOURS[2])
    for at, number in enumerate(numbers):
        axes.annotate(f"{number:g}", (at, number), (0, 8), textcoords="offset points", ha="center")
    _label(axes, chart)
    axes.margins(y=0.3)


def box(axes: Any, chart: Chart) -> None:
    """One box a label, with its median written beside it."""
    (numbers,) = chart.series.values()
    drawn = axes.boxplot(chart.rows, tick_labels=chart.labels, widths=0.5, patch_artist=True)
    for patch in drawn["boxes"]:
        patch.set_facecolor("#cfe0ec")
    for at, number in enumerate(numbers, start=1):
        axes.annotate(f"{number:g}", (at + 0.28, number), va="center", fontsize=10)
    _label(axes, chart)


def scatter(axes: Any, chart: Chart) -> None:
    """One dot a row of the table, and one mark with its numbers for each label's means."""
    (one, xs), (other, ys) = chart.series.items()
    for label, rows, x, y, colour in zip(chart.labels, chart.rows, xs, ys, COLOURS, strict=True):
        axes.scatter(rows[:, 0], rows[:, 1], s=12, alpha=0.3, color=colour, linewidths=0)
        axes.scatter([x], [y], s=90, color=colour, edgecolors="black", zorder=3)
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": colour, "alpha": 0.9}
        axes.annotate(f"{label}: {x:g}, {y:g}", (x, y), (0, 14), textcoords="offset points", ha="center", bbox=box)
    axes.set_xlabel(one.removeprefix("mean ") + " (large marks: means)")
    axes.set_ylabel(other.removeprefix("mean "))


DRAWN: Mapping[str, Callable[[Any, Chart], None]] = {
    draw.__name__: draw for draw in (bar, histogram, sideways, grouped, line, box, scatter)
}
