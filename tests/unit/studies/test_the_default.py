"""The defaults of the product are those that the committed study chose."""

from pathlib import Path

from tracewarp.evaluate import EvaluateOptions
from tracewarp.studies.validity import Setting, setting_of

RESULTS = Path(__file__).parents[3] / "docs" / "studies" / "validity" / "arena.json"


def test_the_default_is_what_the_study_chose():
    options = EvaluateOptions()
    vertex = options.vertex
    default = Setting(
        mode=vertex.mode,
        decay=vertex.decay,
        strength=vertex.strength,
        z=vertex.z,
        gamma=vertex.gamma,
        steps=options.steps,
        aggregate=options.reference_aggregate,
        template=options.step_template,
        encoder=options.encoder,
    )
    assert default == setting_of(RESULTS)
