from chalicelib.config.diff import Difference, differences
from chalicelib.config.memory import MemorySecretIndex
from chalicelib.config.model import ConfigVersion, Pin, Reference, Store, fingerprint
from chalicelib.config.pins import Pins
from chalicelib.ledger import codec
from chalicelib.ledger.memory import MemoryLedger

DB, KEY = Reference(Store.SSM, "/turnout/db", "1"), Reference(Store.SECRETS_MANAGER, "turnout/key", "1")
CONFIG = ConfigVersion("web", 1, {"MODE": "slow"}, references={"KEY": KEY, "DB": DB})


class Counting(MemorySecretIndex):
    asked = 0

    def current(self, reference: Reference) -> Reference:
        self.asked += 1
        return super().current(reference)


class TestPins:
    def test_are_told_in_the_order_of_their_names(self) -> None:
        index = MemorySecretIndex()
        index.put(DB.store, DB.name)
        index.put(KEY.store, KEY.name)
        index.put(KEY.store, KEY.name)
        index.lose(KEY.store, KEY.name, "1")

        assert Pins(MemoryLedger(), index).of_config(CONFIG) == (Pin("DB", DB, DB), Pin("KEY", KEY, Reference(KEY.store, KEY.name, "2")))

    def test_that_are_gone_say_so(self) -> None:
        db, key = Pins(MemoryLedger(), MemorySecretIndex()).of_config(CONFIG)

        assert (db.used, key.used) == (None, None)
        assert "/turnout/db" in db.problem

    def test_of_a_store_that_does_not_answer_are_asked_for_once(self) -> None:
        index = Counting(unreachable=True)
        config = ConfigVersion("web", 1, references={"A": DB, "B": DB, "C": KEY, "D": KEY})

        found = Pins(MemoryLedger(), index).of_config(config)

        assert [pin.used for pin in found] == [None] * 4
        assert index.asked == 2

    def test_of_no_config_are_none(self) -> None:
        assert Pins(MemoryLedger(), MemorySecretIndex()).of("web", 0) == ()


class TestAnEnvironment:
    def test_names_what_was_replaced_by_a_fingerprint(self) -> None:
        newer = Reference(DB.store, DB.name, "2")

        made = CONFIG.environment({"DB": newer})

        assert made.variables == {"MODE": "slow", "DB": "ssm:/turnout/db:2", "KEY": "secretsmanager:turnout/key:1", "TURNOUT_REPINNED": fingerprint({"DB": newer})}
        assert fingerprint({"DB": newer}) != fingerprint({"KEY": newer})
        assert fingerprint({}) == ""


class TestADocument:
    def test_keeps_its_references(self) -> None:
        assert codec.load(ConfigVersion, codec.dump(CONFIG)) == CONFIG

    def test_from_before_there_were_references_has_none(self) -> None:
        older = {name: value for name, value in codec.dump(CONFIG).items() if name != "references"}

        assert codec.load(ConfigVersion, older).references == {}


class TestDifferences:
    def test_are_what_one_has_and_the_other_has_not(self) -> None:
        after = ConfigVersion("web", 2, {"MODE": "fast", "NEW": "1"}, references={"DB": Reference(DB.store, DB.name, "2")})

        assert differences(CONFIG, after) == (
            Difference("DB", DB, Reference(DB.store, DB.name, "2")),
            Difference("KEY", KEY, None),
            Difference("MODE", "slow", "fast"),
            Difference("NEW", None, "1"),
        )

    def test_of_a_value_and_a_reference_that_read_the_same_are_there(self) -> None:
        text = ConfigVersion("web", 2, {"DB": DB.text})

        assert differences(ConfigVersion("web", 1, references={"DB": DB}), text) == (Difference("DB", DB, DB.text),)
