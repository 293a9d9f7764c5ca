"""An oracle of slippage as a file: plain numbers in JSON, with what they were trained on and a hash."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optexec.data.boosted_trees import Trees
from optexec.data.opened_file import read_text
from optexec.data.oracle_features import INPUTS
from optexec.data.oracle_model import HeldOut, Oracle, Training
from optexec.models.errors import InvalidInput

FORMAT = "optexec.oracle.v1"

_KINDS = {"feature": np.int64, "missing_left": np.bool_, "left": np.int64, "right": np.int64}


def save(oracle: Oracle, path: str | Path) -> None:
    """Write an oracle to a JSON file that `load` reads back to the same forecasts, bit for bit.

    The file names its format, the versions of optexec and scikit-learn that made it, the inputs of the trees in
    their order, the side, bucket and sizes, the training window and the held-out errors, and carries the SHA-256 of
    all these. It holds numbers and text only: loading it runs no code of the file.

    Raises:
        InvalidInput: the file cannot be written.

    >>> import tempfile
    >>> from optexec.data import sample
    >>> from optexec.data.book import read_book
    >>> from optexec.data.oracle import train
    >>> book = read_book(sample.path("book.csv.gz"))
    >>> oracle = train(book, sizes=[200.0, 400.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(oracle, Path(folder) / "oracle.json")
    ...     again = load(Path(folder) / "oracle.json")
    >>> again.training == oracle.training
    True
    >>> again.forecast(book, [300.0]).tolist() == oracle.forecast(book, [300.0]).tolist()
    True
    """
    import optexec

    content = {
        "optexec": optexec.__version__,
        "inputs": list(INPUTS),
        "side": oracle.side,
        "bucket": oracle.bucket.isoformat(),
        "sizes": oracle.sizes.tolist(),
        "halflife": oracle.halflife.isoformat(),
        "held_out": oracle.held_out._asdict(),
        "training": oracle.training._asdict(),
        "trees": {name: np.asarray(value).tolist() for name, value in oracle.trees._asdict().items()},
    }
    text = json.dumps({"format": FORMAT, "sha256": _hash(content), **content}, allow_nan=False)
    try:
        Path(path).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written ({error.strerror}); check the path") from None


def load(path: str | Path) -> Oracle:
    """Read an oracle that `save` wrote.

    The version of scikit-learn is for the record: the trees are evaluated here, so that forecasts do not depend on
    the one installed. The hash finds damage; it is no signature, and a file from elsewhere forecasts whatever its
    author chose.

    Raises:
        InvalidInput: for a file that is missing or no oracle, of another format, damaged, or trained on other
            inputs than `oracle_features.INPUTS`, saying which and what would mend it.

    >>> load("nowhere.json")
    Traceback (most recent call last):
    ...
    optexec.models.errors.InvalidInput: nowhere.json: no such file; check the path
    """
    content = _content(path)
    made_by = f"optexec {content.get('optexec')}"
    found = content.pop("format")
    if found != FORMAT:
        raise InvalidInput(f"{path}: format {found!r}, not {FORMAT!r}; load it with {made_by}, or train and save again")
    if content.pop("sha256", None) != _hash(content):
        raise InvalidInput(f"{path}: damaged or edited, its SHA-256 does not match; copy it again, or train again")
    if content.get("inputs") != list(INPUTS):
        raise InvalidInput(
            f"{path}: trained by {made_by} on the inputs {content.get('inputs')}, not {list(INPUTS)}; train again"
        )
    try:
        return _oracle(content)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{path}: its fields are not those of {FORMAT!r}; train and save again") from None


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(path: str | Path) -> dict[str, Any]:
    text = read_text(Path(path))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(f"{path}: not JSON, or cut off; copy it again, or train and save again") from None
    if not isinstance(content, dict) or "format" not in content:
        raise InvalidInput(f"{path}: JSON, but no oracle; give a file that oracle_file.save wrote")
    return content


def _oracle(content: dict[str, Any]) -> Oracle:
    return Oracle(
        trees=_trees(content["trees"]),
        side=content["side"],
        bucket=pd.Timedelta(content["bucket"]),
        sizes=np.array(content["sizes"], dtype=float),
        halflife=pd.Timedelta(content["halflife"]),
        held_out=HeldOut(**content["held_out"]),
        training=Training(**content["training"]),
    )


def _trees(fields: dict[str, Any]) -> Trees:
    """Rebuild the trees; ValueError unless inputs exist and every walk from a root ends."""
    arrays: dict[str, Any] = {name: np.array(fields[name], _KINDS.get(name, float)) for name in Trees._fields[1:]}
    trees = Trees(float(fields["base"]), **arrays)
    if trees.value.ndim != 2 or any(array.shape != trees.value.shape for array in arrays.values()):
        raise ValueError("fields of different shapes")
    own, count = np.arange(trees.value.shape[1]), trees.value.shape[1]
    children = np.stack([trees.left, trees.right])
    onward = (children > own) & (children < count)
    ends = (children == own).all(axis=0)
    if not (onward.all(axis=0) | ends).all() or not ((trees.feature >= 0) & (trees.feature < len(INPUTS))).all():
        raise ValueError("trees that ask for no input, or never end")
    return trees
