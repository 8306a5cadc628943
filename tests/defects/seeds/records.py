"""The record: written once, in one piece, by whoever read it last, with its audit entry; and who may ask for it."""

from tests.defects.defect import Defect

RECORDING = "chalicelib/services/recording.py"
PASSES = "chalicelib/deployments/passes.py"
PERFORM = "chalicelib/deployments/perform.py"
MEMORY = "chalicelib/ledger/memory.py"
DYNAMODB = "chalicelib/ledger/dynamodb.py"
ACCESS = "chalicelib/access/service.py"
RECORDED = "tests/unit/services/test_recording.py"
LEDGER = "tests/contract/test_ledger.py"
TOKENS = "tests/unit/access/test_tokens.py"

RECORDS = (
    Defect(
        "acted on before it was recorded", "a worker that lost its race writes weights all the same", PASSES,
        text="        except Stale:\n            return Next.SOON\n        led_to",
        instead="        except Stale:\n            service = moved.service\n        led_to",
        caught_by="tests/stories/test_workers.py::TestAWorkerThatLostItsRace::test_writes_no_weights",
    ),
    Defect(
        "order swapped", "weights are written before the record says so", PASSES,
        text="        try:\n            service = self.record(known.service, moved, seen)\n        except Stale:\n            return Next.SOON\n"
        "        led_to = self.performer.perform(service, moved.instructions, seen.rules, since=since)\n",
        instead="        led_to = self.performer.perform(moved.service, moved.instructions, seen.rules, since=since)\n"
        "        try:\n            service = self.record(known.service, moved, seen)\n        except Stale:\n            return Next.SOON\n",
        caught_by="tests/stories/test_workers.py::TestAWorkerThatLostItsRace::test_writes_no_weights",
    ),
    Defect(
        "too late is done all the same", "weights are written long after their record", PERFORM,
        text="self.clock.monotonic() - since > self.pace.act_within.total_seconds() or ",
        instead="",
        caught_by="tests/stories/test_workers.py::TestAWorkerThatStalledAfterItsRecord::test_writes_no_weights",
    ),
    Defect(
        "fence always open", "a worker that slept puts its old build over the new one's", PERFORM,
        text="        return now is not None and now.epoch == service.epoch",
        instead="        return True",
        caught_by="tests/stories/test_workers.py::TestAWorkerThatSleptWhilePreparing::test_does_not_put_its_build_over_the_next_ones",
    ),
    Defect(
        "epoch not raised", "another deployment takes charge in the same epoch", "chalicelib/deployments/machine.py",
        text=", waiting=tuple(rest), epoch=moved.service.epoch + 1)",
        instead=", waiting=tuple(rest))",
        caught_by="tests/stories/test_workers.py::TestEveryDeployment::test_takes_charge_in_an_epoch_of_its_own",
    ),
    Defect(
        "stale swallowed", "a lost race counts as won", MEMORY,
        text="            if lost:\n                raise Stale(tuple(keys.ref_of(put.document) for put in lost))\n",
        instead="            if lost:\n                return\n",
        caught_by=f"{LEDGER}::TestCommitting::test_all_happens_or_nothing",
    ),
    Defect(
        "condition dropped", "a record is written over whatever is there", RECORDING,
        text="Put(written, before.revision, before.epoch) if before",
        instead="Put(written, Expect.ANY) if before",
        caught_by=f"{RECORDED}::TestTheServiceItself::test_that_lost_the_race_is_stale_and_leaves_no_entry",
    ),
    Defect(
        "epoch condition dropped", "a record is written over one of another epoch", RECORDING,
        text="Put(written, before.revision, before.epoch) if before",
        instead="Put(written, before.revision) if before",
        caught_by=f"{RECORDED}::TestTheServiceItself::test_must_be_of_the_revision_and_epoch_that_were_read",
    ),
    Defect(
        "epoch condition dropped at DynamoDB", "DynamoDB takes a write of a deployment that is not in charge any more", DYNAMODB,
        text="        return unchanged & still_in_charge if still_in_charge is not None else unchanged".replace("        ", "            ", 1),
        instead="            return unchanged if still_in_charge is not None else unchanged",
        caught_by=f"{LEDGER}::TestCommitting::test_a_writer_of_another_epoch_loses_even_with_the_right_revision",
    ),
    Defect(
        "own write taken for a lost race", "what was done is done again, because the answer to it was lost", DYNAMODB,
        text="        if any(_is_in_place(put, reason) for put, reason in puts):\n            return\n",
        instead="",
        caught_by=f"{LEDGER}::TestDynamoDBItself::test_knows_its_own_write_when_the_answer_to_it_was_lost",
    ),
    Defect(
        "idempotency key not in the transaction", "a request that is sent again is obeyed again", "chalicelib/deployments/service.py",
        text="also=also, quietly=once)",
        instead="also=also)",
        caught_by="tests/stories/test_workers.py::TestACommandThatIsSentAgain::test_is_not_obeyed_again_whoever_died_after_its_commit",
    ),
    Defect(
        "idempotency key in another transaction", "a worker that dies between the two lets a request be obeyed again", "chalicelib/deployments/service.py",
        text="also=also, quietly=once)\n        self.ledger.commit(change)\n",
        instead="also=also)\n        self.ledger.commit(change)\n        if once:\n            self.ledger.commit(Change(once))\n",
        caught_by="tests/stories/test_workers.py::TestACommandThatIsSentAgain::test_is_not_obeyed_again_whoever_died_after_its_commit",
    ),
    Defect(
        "audit patch missing", "the chain does not replay to the state", RECORDING,
        text="_documents(after, ended, also)",
        instead="_documents(after, (), also)",
        caught_by=f"{RECORDED}::TestHistory::test_replays_to_the_deployments_that_ended_as_well",
    ),
    Defect(
        "audit entry not written", "a change is in no chain", RECORDING,
        text=", Put(entry, Expect.NEW)]",
        instead="]",
        caught_by=f"{RECORDED}::TestTheServiceItself::test_takes_who_did_what_and_why_into_the_entry",
    ),
    Defect(
        "chain not chained", "an entry that was sealed anew after a change is not found out", "chalicelib/audit/chain.py",
        text=" and entry.previous_hash == digest and ",
        instead=" and ",
        caught_by="tests/unit/audit/test_chain.py::TestChain::test_in_which_an_entry_was_sealed_again_after_a_change_breaks_behind_it",
    ),
    Defect(
        "tokens never expire", "a token of somebody who left opens everything", ACCESS,
        text=" or token.expires_at <= self._clock.now():",
        instead=":",
        caught_by=f"{TOKENS}::TestAuthenticating::test_counts_until_the_token_expires_and_not_longer",
    ),
    Defect(
        "more than one's own", "a deployer makes an administrator's token", ACCESS,
        text="    if maker.role not in _RANKS or _RANKS.index(wanted) > _RANKS.index(maker.role):",
        instead="    if maker.role not in _RANKS or wanted not in _RANKS:",
        caught_by=f"{TOKENS}::TestGranting::test_never_more_than_the_makers_role",
    ),
)
