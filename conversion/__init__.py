"""From rates to spikes: the rate PredNet and the steps that turn a trained one into a description and its weights.

Each step puts one piece of biology in and is measured by itself, so that what it cost can be told. This room knows
nothing of local learning; a network made here and one learned in `plasticity` meet in `comparisons`.
"""
