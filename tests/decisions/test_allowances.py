"""What a rate leaves over: buckets, the CPU budget, the log's allowance."""

from __future__ import annotations

from runtime.decisions.allowances import CpuBudget, LogAllowance, LogVerdict, TokenBucket
from runtime.decisions.limits import Limits


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    bucket = TokenBucket(rate=100, burst=400)
    assert sum(bucket.take(10.0) for _ in range(500)) == 400
    assert bucket.wait_s(10.0) == 0.01
    assert sum(bucket.take(10.5) for _ in range(500)) == 50


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=100, burst=10)
    bucket.take(0.0)
    assert sum(bucket.take(1_000.0) for _ in range(50)) == 10


def test_a_clock_that_stands_still_or_steps_back_fills_nothing() -> None:
    bucket = TokenBucket(rate=100, burst=1)
    assert bucket.take(5.0)
    assert not bucket.take(5.0)
    assert not bucket.take(4.0)


def test_waiting_as_long_as_told_is_enough() -> None:
    bucket = TokenBucket(rate=3, burst=7)
    now = 0.0
    for _ in range(1_000):
        if not bucket.take(now):
            now += bucket.wait_s(now)
            assert bucket.take(now)


def test_a_log_that_is_too_fast_is_truncated_once_and_goes_on_later() -> None:
    log = LogAllowance(Limits(log_bytes_per_s=100, log_burst_bytes=1_000))
    verdicts = [log.admit(0.0, 400) for _ in range(5)]
    assert verdicts == [
        LogVerdict.WRITE,
        LogVerdict.WRITE,
        LogVerdict.TOO_FAST,
        LogVerdict.DROP,
        LogVerdict.DROP,
    ]
    assert log.admit(4.0, 400) is LogVerdict.WRITE
    assert log.dropped == 3


def test_a_log_that_stays_too_fast_is_not_told_so_line_by_line() -> None:
    log = LogAllowance(Limits(log_bytes_per_s=100, log_burst_bytes=1_000))
    verdicts = [log.admit(now / 10, 50) for now in range(200)]  # five times too fast
    assert verdicts.count(LogVerdict.TOO_FAST) < 20


def test_a_log_has_a_total() -> None:
    log = LogAllowance(Limits(log_total_bytes=1_000))
    assert log.admit(0.0, 900) is LogVerdict.WRITE
    assert log.admit(1_000.0, 200) is LogVerdict.TOO_MUCH
    assert log.admit(2_000.0, 200) is LogVerdict.DROP
    assert log.admit(3_000.0, 1) is LogVerdict.DROP


def test_a_script_may_use_a_fifth_of_a_processor_for_ever() -> None:
    budget = CpuBudget(rate=0.2, burst_s=2.0)
    assert not any(budget.exhausted(now, 100 + now * 0.2) for now in range(0, 10_000, 10))


def test_a_script_that_uses_half_of_a_processor_has_seven_seconds() -> None:
    budget = CpuBudget(rate=0.2, burst_s=2.0)
    looks = [budget.exhausted(now, now * 0.5) for now in range(20)]
    assert looks.index(True) == 7


def test_a_burst_of_cpu_time_is_forgiven() -> None:
    budget = CpuBudget(rate=0.2, burst_s=2.0)
    assert not budget.exhausted(0, 5.0)
    assert not budget.exhausted(1, 7.0)
    assert not budget.exhausted(10, 8.5)
    assert budget.exhausted(10.5, 11.0)
