"""The stages of the method, one line each: where the work is done and what it returns.

Nothing heavy is imported here. Raise `version` when the meaning of a stage's result changes.
"""

from core.artifacts import (
    Dataset,
    Detection,
    Factors,
    Features,
    Forgotten,
    InfluenceScores,
    LayerScores,
    LogitScores,
    Poisoning,
    Queries,
    Report,
    TrainedModel,
)
from core.store import Stage

load_dataset = Stage("core.datasets:load_dataset", Dataset)
choose_poisons = Stage("core.poisoning:choose_poisons", Poisoning, version=2)
poison = Stage("core.poisoning:poison", Dataset, keep=False)
train = Stage("core.training:train", TrainedModel)
brought_victim = Stage("core.brought:brought_victim", TrainedModel)
extract_features = Stage("core.features:extract_features", Features)
train_frequency_classifier = Stage("core.frequency:train_frequency_classifier", TrainedModel)
fit_factors = Stage("core.influence.factors:fit_factors", Factors, version=2)
affected_queries = Stage("core.queries:affected_queries", Queries)
picked_queries = Stage("core.queries:picked_queries", Queries)
control_queries = Stage("core.queries:control_queries", Queries)
transform_queries = Stage("core.queries:transform_queries", Queries)
score_pairs = Stage("core.influence.scores:score_pairs", InfluenceScores, version=2)
score_logits = Stage("core.influence.scores:score_logits", LogitScores)
score_layers = Stage("core.influence.scores:score_layers", LayerScores)
detect = Stage("core.detection:detect", Detection)
some_poisons = Stage("core.examiner:some_poisons", Detection)
missed_poisons = Stage("core.examiner:missed_poisons", Detection)
unlearn = Stage("core.unlearning:unlearn", TrainedModel)
examine_flags = Stage("core.unlearned.forgotten:examine_flags", Forgotten)
evaluate = Stage("core.metrics:evaluate", Report, version=2)
