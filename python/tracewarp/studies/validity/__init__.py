"""How far the score can be trusted: the evidence for or against VERTEX_DTW, and the choice of its defaults.

Definitions: docs/definitions/validity.md; the rule of the choice: docs/decisions/0028.
"""

from tracewarp.studies.validity.agents import planted_agents
from tracewarp.studies.validity.leaks import Leak, audit
from tracewarp.studies.validity.options import RecordingOptions, ValidityOptions
from tracewarp.studies.validity.results import StudyResult
from tracewarp.studies.validity.settings import TODAY, Setting
from tracewarp.studies.validity.study import Listener, study_environment, study_recordings
from tracewarp.studies.validity.write import setting_of, summary, write_study

__all__ = [
    "TODAY",
    "Leak",
    "Listener",
    "RecordingOptions",
    "Setting",
    "StudyResult",
    "ValidityOptions",
    "audit",
    "planted_agents",
    "setting_of",
    "study_environment",
    "study_recordings",
    "summary",
    "write_study",
]
