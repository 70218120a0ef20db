"""A small SIP phone on our own stack, for scripts, tests and trying things."""

from runtime.phone.phone import Phone as Phone
from runtime.phone.phone import answer_call as answer_call
from runtime.phone.phone import place_call as place_call
from runtime.phone.plan import CallPlan as CallPlan
from runtime.phone.plan import CallReport as CallReport
from runtime.phone.plan import PlanError as PlanError

__all__ = ["CallPlan", "CallReport", "Phone", "PlanError", "answer_call", "place_call"]
