"""Simulates campaigns with known truth: a whole case on disk, or a plant in a real background."""

from floodmark.simulate.params import CASE_2020, CampaignParams, CrowdParams
from floodmark.simulate.plant import DEFAULT_PLANT, Actions, Planted, PlantParams, plant
from floodmark.simulate.run import SimulationResult, simulate

__all__ = [
    "CASE_2020",
    "DEFAULT_PLANT",
    "Actions",
    "CampaignParams",
    "CrowdParams",
    "PlantParams",
    "Planted",
    "SimulationResult",
    "plant",
    "simulate",
]
