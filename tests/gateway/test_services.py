"""The table of signing names agrees with botocore's models."""

from __future__ import annotations

from botocore.loaders import create_loader

from sandbox.gateway.services import LABS_SERVICES, QUERY_VERSIONS, UNSIGNED_OPERATIONS, candidates


def test_every_service_is_found_by_its_signing_name() -> None:
    # Those too that nobody answers: their operations are refused by name.
    loader = create_loader()
    missing = {}
    for service in loader.list_available_services("service-2"):
        metadata = loader.load_service_model(service, "service-2")["metadata"]
        signing_name = metadata.get("signingName", metadata["endpointPrefix"])
        if service not in candidates(signing_name):
            missing[service] = signing_name
    assert missing == {}


def test_the_labs_services_sign_as_the_table_says() -> None:
    loader = create_loader()
    for service, signing_name in LABS_SERVICES.items():
        metadata = loader.load_service_model(service, "service-2")["metadata"]
        assert metadata.get("signingName", metadata["endpointPrefix"]) == signing_name


def test_versions_and_unsigned_operations_are_real() -> None:
    loader = create_loader()
    names = {"monitoring": "cloudwatch"}
    for version, signing_name in QUERY_VERSIONS.items():
        model = loader.load_service_model(names.get(signing_name, signing_name), "service-2")
        assert model["metadata"]["apiVersion"] == version
    for service, operations in UNSIGNED_OPERATIONS.items():
        assert operations <= set(loader.load_service_model(service, "service-2")["operations"])
