"""Signs of an adversarial training that fails, each with a name.

A won discriminator gives the generator nothing to follow; a collapsed generator draws one image
whatever it is shown; gradients explode before losses do.
"""

from collections.abc import Mapping

from diffragan.training.position import Position

WON_SCORE = 0.99
"""Mean score of true images, and its distance from 1 that of generated ones, of a discriminator
that is never in doubt."""
WON_LOSS = 0.02
WON_STEPS = 200
"""Steps in a row: a discriminator that leads for a while is usual."""
COLLAPSED_VARIETY = 0.02
"""Standard deviation of generated images from view to view over that of the true ones."""
COLLAPSED_VALIDATIONS = 2
"""In a row."""
COLLAPSED_STEP = 1000
"""Before it, not yet having learned to draw anything is no collapse."""
EXPLODING_RATIO = 100.0
"""Norm of a gradient over its running average."""
EXPLODING_STEPS = 3
"""In a row: one odd batch is not a symptom."""
MEMORY_STEPS = 100
"""Steps that the running average of a gradient's norm remembers."""

WON = "discriminator won"
COLLAPSED = "mode collapse"
EXPLODING = "exploding gradients"
ADVICE = {
    WON: "it tells every image, so the generator learns nothing from it; lower its width or raise "
    "objective.l1_weight",
    COLLAPSED: "the generator draws nearly one image for all views; lower learning_rate or raise "
    "objective.l1_weight",
    EXPLODING: f"a gradient is over {EXPLODING_RATIO:g} times as long as usual; lower "
    "learning_rate",
}


def step_symptoms(measured: Mapping[str, float], position: Position) -> list[str]:
    """Take a step into account, and name the symptoms that have now lasted long enough."""
    won = (
        measured.get("real_score", 0.0) > WON_SCORE
        and measured.get("fake_score", 1.0) < 1 - WON_SCORE
        and measured.get("discriminator_loss", 1.0) < WON_LOSS
    )
    exploding = [
        _explodes(name, norm, position)
        for name, norm in measured.items()
        if name.endswith("_gradient")
    ]
    return [
        *_named(WON, won, WON_STEPS, position),
        *_named(EXPLODING, any(exploding), EXPLODING_STEPS, position),
    ]


def validation_symptoms(variety: float, position: Position) -> list[str]:
    """Take a validation into account, and name the symptoms that have now lasted long enough.

    Parameters
    ----------
    variety : See `COLLAPSED_VARIETY`.
    """
    collapsed = variety < COLLAPSED_VARIETY and position.step >= COLLAPSED_STEP
    return _named(COLLAPSED, collapsed, COLLAPSED_VALIDATIONS, position)


def _explodes(name: str, norm: float, position: Position) -> bool:
    usual = position.typical_gradient.get(name)
    if usual is None:
        position.typical_gradient[name] = norm
        return False
    if norm > EXPLODING_RATIO * usual:
        return True
    position.typical_gradient[name] = usual + (norm - usual) / MEMORY_STEPS
    return False


def _named(name: str, seen: bool, needed: int, position: Position) -> list[str]:
    """Name a symptom once each time it has lasted; it must go away before it is named again."""
    lasted = position.lasting.get(name, 0) + 1 if seen else 0
    position.lasting[name] = lasted
    return [name] if lasted == needed else []
