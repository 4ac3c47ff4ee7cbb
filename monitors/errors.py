"""Every exception fairlead raises on purpose, as one tree.

FairleadError
├── PositionError            a position or path given on the command line does not exist
├── AnalysisError
│   └── AnalysisDown         the analysis process is not there to answer
├── ModelError
│   ├── ModelNotFound        no such folder, or a hub id that was never pulled
│   ├── ModelBroken          a folder that cannot be loaded as a causal language model
│   ├── ModelFailed          a loaded model raised, or produced numbers that are no logits
│   ├── DeviceError          the device asked for is not usable on this machine
│   └── OutOfMemory          the model or its cache does not fit
└── TrainingError            a model cannot be trained with what was given
    ├── CorpusError          there is nothing to train on, or it cannot be read
    └── CheckpointBroken     no checkpoint of a run is whole

A message says what happened and what the reader can do. Superseded and cancelled requests are not errors.
"""

from __future__ import annotations


class FairleadError(Exception):
    """Base of everything fairlead raises on purpose."""


class PositionError(FairleadError):
    """A position or path given on the command line does not exist."""


class AnalysisError(FairleadError):
    """Static analysis gave no answer."""


class AnalysisDown(AnalysisError):
    """The analysis process is not there to answer."""


class ModelError(FairleadError):
    """The language model cannot be used."""


class ModelNotFound(ModelError):
    """There is no such model folder, or the hub id was never pulled."""


class ModelBroken(ModelError):
    """The folder cannot be loaded as a causal language model."""


class ModelFailed(ModelError):
    """A loaded model raised, or produced numbers that are no logits."""


class DeviceError(ModelError):
    """The device asked for is not usable on this machine."""


class OutOfMemory(ModelError):
    """The model or its cache does not fit into memory."""


class TrainingError(FairleadError):
    """A model cannot be trained with what was given."""


class CorpusError(TrainingError):
    """There is nothing to train on, or it cannot be read."""


class CheckpointBroken(TrainingError):
    """No checkpoint of a run is whole."""
