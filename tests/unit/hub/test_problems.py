from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError

from perijove.errors import (
    InvalidParameter,
    InvalidPath,
    InvalidRequest,
    InvalidSpec,
    NotFound,
    PerijoveError,
    TooLarge,
    UnknownGroup,
)
from perijove.model.resources import CreateExecution, CreateExecutions, CreateProject, SetMember
from perijove_hub.problems import InternalError, invalid_body, invalid_query, problem
from perijove_hub.queries import After, Compare, ListExecutions


def caught(model: type[BaseModel], document: object) -> ValidationError:
    read = model.model_validate_json if isinstance(document, bytes) else model.model_validate
    with pytest.raises(ValidationError) as error:
        read(document)
    return error.value


def refused(model: type[BaseModel], document: object) -> PerijoveError:
    return invalid_body(caught(model, document))


def misread(model: type[BaseModel], query: object) -> PerijoveError:
    return invalid_query(caught(model, query))


def spec(**fields: object) -> dict[str, object]:
    return {"spec": {"group": "local", "command": ["true"], **fields}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (spec(command=None), "spec: give either a command or a notebook."),
        (spec(group="a/b"), "'spec.group' has characters or a form that is not allowed here."),
        (spec(group="a\0b"), "'spec.group' has characters or a form that is not allowed here."),
        (spec(**{"time-limit": -1}), "'spec.time-limit' should be greater than 0."),
        (spec(**{"time-limit": "soon"}), "spec.time-limit: must be a number of seconds, or a time such as '90s'"),
        (spec(colour="red"), "'spec.colour' is not a field this takes."),
        (spec(command=None, notebook={"path": "../secret.ipynb"}), "spec.notebook.path: must be a relative path"),
        (spec(command=["a\0b"]), "spec.command: a command must not be empty or hold a NUL character."),
        (spec(**{"environment-variables": {"VH_X": "1"}}), "spec.environment-variables: 'VH_X' is reserved"),
        ({"spec": {"command": ["true"]}}, "'spec.group' is missing."),
        (spec(retries="many"), "'spec.retries' should be a valid integer"),
        (spec(title="a\nb"), "spec.title: must be one line, without control characters."),
    ],
)
def test_a_wrong_spec_is_told_in_plain_words_with_the_fields_path(document, message):
    error = refused(CreateExecution, document)
    assert isinstance(error, InvalidSpec)
    assert error.status == 422
    assert error.message.startswith(message)
    for jargon in ("pydantic", "http", "Input", "Value error", "validation error"):
        assert jargon not in error.message


def test_a_wrong_spec_of_a_batch_is_refused_like_one_of_its_own_with_its_place():
    good = {"group": "local", "command": ["true"]}
    error = refused(CreateExecutions, {"specs": [good, {**good, "parameters": {"1": 1}}]})
    assert isinstance(error, InvalidParameter)
    assert error.message.startswith("'specs.1.parameters.")


@pytest.mark.parametrize("body", [b"", b"not json", b'{"name":', b"\xff\xfe", b"[1, 2]", b"null"])
def test_a_body_that_is_no_json_object_is_a_bad_request(body):
    error = refused(CreateProject, body)
    assert (error.status, error.code) == (400, "invalid_request")
    assert error.message == "The body is not a JSON object."


def test_an_unknown_role_is_told_with_the_known_ones():
    error = refused(SetMember, {"role": "emperor"})
    assert error.status == 422
    assert error.message == "'role' should be 'viewer', 'member' or 'admin'."


def test_further_wrong_fields_are_counted_in_the_hint():
    error = misread(ListExecutions, {"limit": 0, "number": 0, "colour": "red"})
    assert error.hint.startswith("2 more fields")
    assert error.status == 400


def test_a_path_that_leaves_its_folder_and_a_parameters_name_have_errors_of_their_own():
    assert isinstance(refused(CreateExecution, spec(command=None, notebook={"path": "/etc"})), InvalidPath)
    error = refused(CreateExecution, spec(parameters={"a b": 1}))
    assert isinstance(error, InvalidParameter)
    assert error.message.startswith("'spec.parameters.a b' has characters")


def test_a_parameter_of_no_json_type_is_one_wrong_field_and_not_seven():
    error = refused(CreateExecution, spec(parameters={"x": object()}))
    assert error.message.startswith("'spec.parameters.x'")
    assert isinstance(error, InvalidParameter)
    assert "more field" not in error.hint


def test_a_position_that_is_none_is_refused():
    assert misread(After, {"after": "57"}).message == "after: must look like '<attempt>-<n>', for instance '1-57'."


def test_one_execution_cannot_be_compared():
    assert misread(Compare, {"id": ["ex-1"]}).status == 400


def test_our_own_errors_pass_as_they_are():
    error = UnknownGroup("There is no group 'moon'.")
    assert problem(error) is error


@pytest.mark.parametrize(
    ("status", "kind"), [(400, InvalidRequest), (404, NotFound), (413, TooLarge), (405, InvalidRequest)]
)
def test_what_tornado_refuses_becomes_one_of_our_errors(status, kind):
    error = problem(HTTPError(status))
    assert isinstance(error, kind)
    assert error.status == status


def test_an_unforeseen_error_tells_its_number_and_nothing_else():
    error = problem(KeyError("secret"), "4f00")
    assert isinstance(error, InternalError)
    assert error.status == 500
    assert "4f00" in error.hint
    assert "secret" not in str(error.as_json())
