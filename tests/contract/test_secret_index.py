"""What everything that knows the versions of secrets does. moto keeps versions and labels as AWS does."""

import boto3
import pytest
from moto import mock_aws

from chalicelib.config.aws import AwsSecretIndex
from chalicelib.config.memory import MemorySecretIndex
from chalicelib.config.model import Reference, Store
from chalicelib.errors import NotFound, Unavailable
from tests.contract.breaking import new_clients, throttled

NAMES = {Store.SSM: "/turnout/web/db", Store.SECRETS_MANAGER: "turnout/web/db"}


class InMemory:
    def __init__(self):
        self.index = MemorySecretIndex()

    def put(self, store):
        return self.index.put(store, NAMES[store])

    def lose(self, store, version):
        self.index.lose(store, NAMES[store], version)

    def delete(self, store):
        self.index.delete(store, NAMES[store])


class OnMoto:
    def __init__(self):
        self.clients = new_clients()
        self.index = AwsSecretIndex(self.clients)
        self.ssm, self.secrets = boto3.client("ssm"), boto3.client("secretsmanager")
        self.called = []
        for client in (self.clients.ssm, self.clients.secretsmanager):
            client.meta.events.register("before-call.*.*", lambda model, **_: self.called.append(model.name))

    def put(self, store):
        if store is Store.SSM:
            return str(self.ssm.put_parameter(Name=NAMES[store], Value="hush", Type="SecureString", Overwrite=True)["Version"])
        try:
            made = self.secrets.create_secret(Name=NAMES[store], SecretString="hush")
        except self.secrets.exceptions.ResourceExistsException:
            made = self.secrets.put_secret_value(SecretId=NAMES[store], SecretString="hush")
        return made["VersionId"]

    def lose(self, store, version):
        """Secrets Manager keeps the label AWSPREVIOUS on the version before the current one."""
        while self.secrets.describe_secret(SecretId=NAMES[store])["VersionIdsToStages"].get(version):
            self.put(store)

    def delete(self, store):
        if store is Store.SSM:
            self.ssm.delete_parameter(Name=NAMES[store])
        else:
            self.secrets.delete_secret(SecretId=NAMES[store])


@pytest.fixture(params=[InMemory, OnMoto])
def world(request):
    with mock_aws():
        yield request.param()


@pytest.fixture
def moto():
    with mock_aws():
        yield OnMoto()


@pytest.fixture(params=Store)
def store(request):
    return request.param


def a_reference(store, version=""):
    return Reference(store, NAMES[store], version)


class TestPinning:
    def test_takes_the_current_version_where_none_is_named(self, world, store):
        world.put(store)
        newest = world.put(store)

        assert world.index.pinned(a_reference(store)) == a_reference(store, newest)

    def test_keeps_the_version_that_is_named(self, world, store):
        first = world.put(store)
        world.put(store)

        assert world.index.pinned(a_reference(store, first)) == a_reference(store, first)

    def test_to_a_secret_that_is_not_there_is_not_found(self, world, store):
        with pytest.raises(NotFound):
            world.index.pinned(a_reference(store))

    def test_to_a_version_that_is_not_there_is_not_found(self, world, store):
        world.put(store)

        with pytest.raises(NotFound):
            world.index.pinned(a_reference(store, "7"))

    def test_to_a_version_without_a_label_is_not_found(self, world):
        first = world.put(Store.SECRETS_MANAGER)
        world.put(Store.SECRETS_MANAGER)
        world.lose(Store.SECRETS_MANAGER, first)

        with pytest.raises(NotFound):
            world.index.pinned(a_reference(Store.SECRETS_MANAGER, first))


class TestWhatIsCurrent:
    def test_is_the_pinned_version_while_it_can_be_read(self, world, store):
        first = world.put(store)
        world.put(store)

        assert world.index.current(a_reference(store, first)) == a_reference(store, first)

    def test_is_the_newest_when_the_pinned_version_lost_its_label(self, world):
        first = world.put(Store.SECRETS_MANAGER)
        world.put(Store.SECRETS_MANAGER)
        world.lose(Store.SECRETS_MANAGER, first)

        newest = world.index.pinned(a_reference(Store.SECRETS_MANAGER))
        assert world.index.current(a_reference(Store.SECRETS_MANAGER, first)) == newest
        assert newest.version != first

    def test_of_what_is_gone_is_not_found(self, world, store):
        first = world.put(store)
        world.delete(store)

        with pytest.raises(NotFound):
            world.index.current(a_reference(store, first))


class TestAws:
    def test_is_asked_for_nothing_that_answers_a_value(self, moto, store):
        first = moto.put(store)

        moto.index.pinned(a_reference(store))
        moto.index.current(a_reference(store, first))

        assert set(moto.called) <= {"DescribeParameters", "DescribeSecret"}

    def test_keeps_only_the_newest_hundred_versions_of_a_parameter(self, moto):
        first = moto.put(Store.SSM)
        for _ in range(100):
            newest = moto.put(Store.SSM)

        assert moto.index.current(a_reference(Store.SSM, first)) == a_reference(Store.SSM, newest)
        assert moto.index.current(a_reference(Store.SSM, "2")) == a_reference(Store.SSM, "2")

    @pytest.mark.parametrize(("arn", "name"), [("parameter/turnout/web/db", "/turnout/web/db"), ("parameter/plain", "plain"), ("parameter/plain", "/plain")])
    def test_takes_the_arn_of_a_parameter(self, moto, arn, name):
        moto.ssm.put_parameter(Name=name, Value="hush", Type="String")
        wanted = Reference(Store.SSM, f"arn:aws:ssm:eu-west-1:123456789012:{arn}")

        assert moto.index.pinned(wanted) == Reference(Store.SSM, wanted.name, "1")

    def test_takes_the_arn_of_a_secret(self, moto):
        version = moto.put(Store.SECRETS_MANAGER)
        arn = moto.secrets.describe_secret(SecretId=NAMES[Store.SECRETS_MANAGER])["ARN"]

        assert moto.index.pinned(Reference(Store.SECRETS_MANAGER, arn)).version == version

    def test_what_it_may_not_see_is_not_there(self, moto):
        moto.put(Store.SECRETS_MANAGER)
        refused(moto.clients.secretsmanager, "DescribeSecret", "AccessDeniedException")

        with pytest.raises(NotFound):
            moto.index.pinned(a_reference(Store.SECRETS_MANAGER))

    def test_no_answer_is_unavailable(self, moto, store):
        moto.put(store)
        refused(moto.clients.ssm, "DescribeParameters", "ThrottlingException")
        refused(moto.clients.secretsmanager, "DescribeSecret", "ThrottlingException")

        with pytest.raises(Unavailable):
            moto.index.pinned(a_reference(store))


def refused(client, operation, code):
    throttled(client, operation, code, json=True)
