"""Tables of the paper's tests as Markdown, from the JSON of benchmarks/paper_tests.py."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from diffragan.evaluation.diffraction_use import use_markdown
from diffragan.evaluation.paper.judged import BANDS_ANGSTROM
from diffragan.evaluation.wording import CONTROL_LABELS, resolution_of

Result = Mapping[str, Any]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def angstrom(summary: Result) -> str:
    value = summary["resolution_frc_0p5_angstrom"]
    if summary["resolution_starts_below"]:
        return f"> {value:.0f} Å"
    return f"{'≤ ' if summary['resolution_reaches_limit'] else ''}{value:.2f} Å"


def spread(summary: Result) -> str:
    return f"{summary['score_mean']:.3f} ± {summary['score_std']:.3f}"


HEADS = (
    "views", "mean FRC (± over views)", *(f"{c:g} to {f:g} Å" for c, f in BANDS_ANGSTROM),
    "FRC 0.5 at", "SSIM",
)  # fmt: skip


def cells(summary: Result) -> tuple[str, ...]:
    return (
        str(summary["views"]), spread(summary), *(f"{b['frc_mean']:.3f}" for b in summary["bands"]),
        angstrom(summary), f"{summary['ssim_mean']:.3f}"
    )  # fmt: skip


def of_training(result: Result) -> str:
    rows = []
    for name, run in result["results"]["runs"].items():
        settings = run["settings"]
        rows.append((
            name,
            f"{run['steps']:,}",
            f"{100 * run['share_of_the_papers_steps']:.1f} %",
            str(settings["batch"]),
            f"{run['views_seen']:,}",
            f"{100 * run['share_of_the_papers_views']:.2f} %",
            f"{run['steps_of_used_weights']:,}",
            f"{result['results']['best_validation_frc'][name]:.3f}",
        ))  # fmt: skip
    heads = (
        "run", "steps", "of the paper's 269,400", "batch", "views shown",
        "of the paper's 4,312,000", "step of the weights used", "best validation FRC",
    )  # fmt: skip
    return table(heads, rows)


def of_unseen(result: Result) -> str:
    found = result["results"]
    methods = table(("method", *HEADS), ((n, *cells(s)) for n, s in found["methods"].items()))
    molecules = table(
        ("protein", "mass [kDa]", *HEADS),
        ((m["name"], f"{m['mass_kda']:.1f}", *cells(m)) for m in found["molecules"]),
    )
    return f"{methods}\n\nThe network's views by protein:\n\n{molecules}"


def of_views(result: Result) -> str:
    found = result["results"]
    rows = [
        (f"{which} {place}", view["name"], str(view["item"]), f"{view['score']:.3f}",
         f"{view['ssim']:.3f}")
        for which in ("best", "worst")
        for place, view in enumerate(found[which], start=1)
    ]  # fmt: skip
    low, five, median, most, high = found["score_quantiles"]
    words = (
        f"Over all views the mean FRC lies from {low:.3f} to {high:.3f}; 5 % are below {five:.3f}, "
        f"half below {median:.3f}, 95 % below {most:.3f}."
    )
    return f"{table(('view', 'protein', 'item', 'mean FRC', 'SSIM'), rows)}\n\n{words}"


def of_size_and_shape(result: Result) -> str:
    words = {
        "mass_kda": "mass [kDa]",
        "radius_of_gyration_angstrom": "radius of gyration [Å]",
        "aspect_ratio": "aspect ratio",
        "area_angstrom2": "projected area of a view [Å²]",
    }
    rows = []
    for name, found in result["results"]["dependences"].items():
        values, trained = found["values"], found["training_range"]
        rank, p = found["spearman"], found["p_value"]
        rows.append((
            words[name],
            f"{min(values):.4g} to {max(values):.4g}",
            "not given" if trained is None else f"{trained[0]:.4g} to {trained[1]:.4g}",
            f"{found['outside_training_range']} of {len(values)}",
            "-" if rank is None else f"{rank:+.2f}",
            "-" if p is None else f"{p:.2g}",
        ))  # fmt: skip
    heads = ("property", "test", "training", "outside training", "rank correlation", "p")
    return table(heads, rows)


def of_cases(result: Result) -> str:
    rows = []
    for case in result["results"]["cases"]:
        alone = case["image_alone"]
        rows.append((case["label"], *cells(case), "-" if alone is None else spread(alone)))
    return table(("case", *HEADS, "image alone: mean FRC"), rows)


def of_stability(result: Result) -> str:
    units = {"shift": " Å", "turn": "°", "dose": " of the dose"}
    names = {"unchanged": "unchanged", "counts": "counts drawn again"}
    rows = []
    for found in result["results"]["changes"]:
        kind = found["change"]
        words = names.get(kind, f"{kind} {found['amount']:g}{units.get(kind, '')}")
        values = [
            f"{band[key]:.3f} ± {band[f'{key}_std']:.3f}"
            for key in ("with_truth", "with_unchanged")
            for band in found["bands"]
        ]
        rows.append((words, *values))
    bands = result["results"]["changes"][0]["bands"]
    heads = [
        f"{words}, {band['from_angstrom']:g} to {band['to_angstrom']:g} Å"
        for words in ("output and its truth", "output and unchanged output")
        for band in bands
    ]
    return f"{table(('change', *heads), rows)}\n\nMean FRC over {result['results']['views']} views."


def of_pictures(result: Result) -> str:
    found = result["results"]
    return (
        f"SSIM over the whole image: {found['ssim_mean']:.3f}; of the low-resolution image alone "
        f"{found['ssim_mean_of_the_image_alone']:.3f}. Most of an image is vacuum, which raises "
        "both."
    )


def of_dose_defocus(result: Result) -> str:
    rows = []
    for cell in result["results"]["cells"]:
        _, quarter, median, three, _ = cell["score_quantiles"]
        rows.append((
            f"{cell['defocus_angstrom']:,.0f} Å", f"{cell['snr']:g}",
            f"{cell['dose_e_per_a2_quartiles'][1]:,.0f}", str(cell["views"]),
            f"{median:.3f} ({quarter:.3f} to {three:.3f})",
            *(f"{band['frc_mean']:.3f}" for band in cell["bands"]), angstrom(cell),
            spread(cell["image_alone"]),
        ))  # fmt: skip
    heads = (
        "defocus", "SNR", "dose [e/Å²]", "views", "mean FRC: median (quartiles)",
        *(f"{c:g} to {f:g} Å" for c, f in BANDS_ANGSTROM), "FRC 0.5 at", "image alone: mean FRC",
    )  # fmt: skip
    return table(heads, rows)


def of_reconstruction(result: Result) -> str:
    found = result["results"]
    distance = found["distance_from_centre_angstrom"]
    order = sorted(range(len(distance)), key=distance.__getitem__)
    third = len(order) // 3
    parts = (order[:third], order[-third:])
    last = next(iter(found["maps"].values()))["frequency_per_angstrom"][-1]
    end = f"≤ {1 / last:.2f} Å"

    def mean(values: Sequence[float], chosen: Sequence[int]) -> str:
        return f"{sum(values[i] for i in chosen) / len(chosen):.2f}"

    rows = []
    for name, made in found["maps"].items():
        fits, density = made["map_model_correlation"], made["mean_sigmas"]
        read = (made[f"resolution_fsc_{k}_angstrom"] for k in ("truth_0p5", "0p143"))
        rows.append((
            name, str(made["views"]), *(end if v is None else f"{v:.2f} Å" for v in read),
            mean(fits, order), f"{min(fits):.2f}", *(mean(fits, part) for part in parts),
            *(mean(density, part) for part in parts),
        ))  # fmt: skip
    heads = (
        "map", "views", "FSC 0.5 with the truth", "FSC 0.143 of half maps",
        "map and model: mean of residues", "worst", "inner third", "outer third",
        "density [σ]: inner third", "outer third",
    )  # fmt: skip
    images = "; ".join(f"{n} {angstrom(s)}" for n, s in found["images"].items())
    words = f"Single images of the same views, mean FRC 0.5 at: {images}."
    return f"{table(heads, rows)}\n\n{words}"


def of_controls(metrics: Result) -> str:
    """Every method and control of an evaluation, and the comparison of patterns ring by ring."""
    rows = [
        (kind, label, resolution_of(scores), f"{scores['ssim_mean']:.3f}",
         f"{scores['r_factor_mean']:.3f}")
        for kind, label, scores in _judged(metrics)
    ]  # fmt: skip
    heads = ("kind", "what", "FRC 0.5 at", "SSIM", "R-factor")
    verdicts = "\n".join(f"- {name}: {m['verdict']}" for name, m in metrics["methods"].items())
    use = re.sub(r"^#", "###", use_markdown(metrics), flags=re.MULTILINE)
    return f"{table(heads, rows)}\n\nVerdicts:\n\n{verdicts}\n\n{use.strip()}"


def _judged(metrics: Result) -> Iterable[tuple[str, str, Result]]:
    for name, method in metrics["methods"].items():
        yield "method", name, method
        for key, control in method["controls"].items():
            if "frc_mean" in control:
                yield "control", f"{name}: {key.replace('_', ' ')}", control
    for name, control in metrics["controls"].items():
        yield "control", CONTROL_LABELS.get(name, name), control


TABLES: dict[str, Callable[[Result], str]] = {
    "training": of_training,
    "unseen": of_unseen,
    "views": of_views,
    "pictures": of_pictures,
    "size-and-shape": of_size_and_shape,
    "small": of_cases,
    "stability": of_stability,
    "defocus": of_cases,
    "dose-defocus": of_dose_defocus,
    "reconstruction": of_reconstruction,
    "training-proteins": of_cases,
    "patch-size": of_cases,
}
