"""Every mistake in a spec leaves with code 2 and one line that names file, key or cell, and what would mend it."""

from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("ordr.shares=1", "spec.toml: unknown key 'ordr'; did you mean 'order'?"),
        ("shares=1", "spec.toml: unknown key 'shares'; did you mean order.shares?"),
        ("participation=0.1", "spec.toml: unknown key 'participation'; did you mean limits.participation?"),
        ("order.share=1", "spec.toml, key order: unknown key 'share'; did you mean 'shares'?"),
        ("objective.ps=1", "key objective: unknown key 'ps'; did you mean 'psi'?"),
        ("limits.participaton=1", "key limits: unknown key 'participaton'; did you mean 'participation'?"),
        ("impact.2.alpha=1", "key impact.2: unknown key 'alpha'"),
        ("impact.2.family=Powr", "key impact.2: unknown family 'Powr'; did you mean 'Power'?"),
        ("impact.1={quoted='total'}", "key impact.1: family is missing"),
        ("impact={family='Linear', slope=1}", "key impact.quoted: is missing"),
        ("impact.1.quoted=totl", "key impact.1: unknown quotation 'totl'; did you mean 'total'?"),
        ("impact=[]", "key impact: "),
        ("impact=3", "key impact: "),
        ("impact.2.a=half_spred", "unknown column of buckets.csv 'half_spred'; did you mean 'half_spread'?"),
        ("impact.2.a=time", "buckets.csv, row 2, column time: '09:30' is not a number"),
        ("impact.2.a=note", "buckets.csv, row 2, column note: 'open' is not a number"),
        ("impact.2.a=true", "key impact.2.a: must be a number, the name of a column, or a list of numbers"),
        ("impact.2.a=[]", "key impact.2.a: must be a number"),
        ("impact.2.a=[1, 2]", "arrays of different lengths: Power.a has 2, Power.b has 3"),
        ("impact.2.a=nan", "Power.a must be finite, got nan"),
        ("impact.2.a=-1", "Power.a must be >= 0, got -1.0"),
        ("impact.2.a=[1, -2, 3]", "Power.a[1] must be >= 0, got -2.0"),
        ("impact.3.a=1", "'3' is sought in a list of 2; number them from 1"),
        ("order.shares.x=1", "'x' is sought in 900, which is no table"),
        ("order.shares", "not of the form key=value"),
        ("order.shares=ten", "key order.shares: input should be a valid number, got 'ten'"),
        ("order.shares=inf", "order.shares must be finite, got inf"),
        ("order.shares=0", "order.shares must be > 0"),
        ("impact.2.b=900", "beyond what can be computed; check the units"),
        ("order.side=by", "unknown side 'by'; did you mean 'buy'?"),
        ("objective.name=D", "unknown objective 'D'"),
        ("objective.rho=-1", "rho must be >= 0, got -1.0"),
        ("objective.terms=[]", "name and terms both declare the objective"),
        ("buckets.number=3", "path and number both give the buckets"),
        ("buckets.index=tme", "unknown column of buckets.csv 'tme'; did you mean 'time'?"),
        ("buckets.index=half_spread", "buckets.csv, row 4, column half_spread: '0.01' labels two buckets"),
        ("buckets.path=nowhere.csv", "nowhere.csv: no such file"),
        ('buckets.path="a\\u0000"', "key buckets.path: 'a\\x00' holds a character that no path may have; name a file"),
        ("limits.minimum=[1, 2]", "arrays of different lengths: limits.minimum has 2"),
        ("limits.maximum=[9, 9]", "arrays of different lengths: limits.maximum has 2"),
        ("limits={minimum=500, maximum=400}", "limits.minimum[0] is 500, above limits.maximum[0] 400"),
        ("limits.participation=1.5", "limits.participation must be a fraction in (0, 1], got 1.5"),
        ("limits.volume=[1, 0, 1]", "limits.volume[1] is 0"),
        ("limits={participation=0.1}", "limits.participation needs limits.volume"),
        ("solve.method=waterfil", "unknown method 'waterfil'; did you mean 'waterfill'?"),
        ("solve.gap=-1", "gap must be > 0"),
        ("solve.time_limit=nan", "time_limit must be finite"),
    ],
)
def test_a_wrong_setting(spec: Path, refused: Refused, setting: str, told: str) -> None:
    objective = ["--objective", "B"] if "rho" in setting else []
    assert told in refused(2, "solve", spec, "--set", setting, *objective)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("objective.weights=lnear", "unknown weights 'lnear'; did you mean 'linear'?"),
        ("objective.weights={power='a'}", "key objective.weights: must be"),
        ("objective.weights={volatility='sgma'}", "unknown column of buckets.csv 'sgma'; did you mean 'sigma'?"),
        ("objective.weights=[1, 2]", "arrays of different lengths"),
        ("objective.weights=[1, -2, 3]", "weights[1] must be >= 0, got -2.0"),
        ("objective.psi=[1]", "key objective.psi: input should be a valid number"),
    ],
)
def test_wrong_weights(spec: Path, refused: Refused, setting: str, told: str) -> None:
    assert told in refused(2, "solve", spec, "--objective", "C", "--set", setting)


def test_a_term_of_the_list(spec: Path, refused: Refused) -> None:
    text = spec.read_text()
    for terms, told in {
        "[{ smoothing = { rho = 1 }, impact = {} }]": "key objective.terms.1: must hold one term",
        "[{ smothing = { rho = 1 } }]": "key objective.terms.1: unknown key 'smothing'; did you mean 'smoothing'?",
        "[{ smoothing = {} }]": "key objective.terms.1.smoothing.rho: is missing",
        "[{ smoothing = { rho = -1 } }]": "key objective.terms.1: rho must be >= 0",
        "[{ smoothing = { rho = 1 } }, { smoothing = { rho = 1 } }]": "two terms named 'smoothing'",
    }.items():
        spec.write_text(text.replace('name = "A"', f"terms = {terms}"))
        assert told in refused(2, "solve", spec)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("2 33.53", "buckets.csv, row 3, column a: '2 33.53' is not a number"),
        ("", "buckets.csv, row 3, column a: '' is blank; fill it in"),
        ("nan", "buckets.csv, row 3, column a: 'nan' is blank; fill it in"),
        ("inf", "buckets.csv, row 3, column a: 'inf' is not a number"),
        ("-1", "buckets.csv, row 3, column a: Power.a[1] must be >= 0, got -1.0"),
        ("1e-5,7", "buckets.csv, row 3: 8 fields where the header has 7"),
    ],
)
def test_a_corrupt_cell_is_named_by_row_and_column(spec: Path, refused: Refused, cell: str, told: str) -> None:
    table = spec.with_name("buckets.csv")
    table.write_text(table.read_text().replace("1e-5", cell))
    assert told in refused(2, "solve", spec)


def test_a_cell_of_the_limits_is_named_too(spec: Path, refused: Refused) -> None:
    table = spec.with_name("buckets.csv")
    table.write_text(table.read_text().replace("5000", "0"))
    assert "buckets.csv, row 4, column volume: limits.volume[2] is 0" in refused(2, "solve", spec)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"[order]\nshares = 900\nside = buy\n", "not TOML, invalid value (at line 3"),
        (b"[order]\nshares = \xff\n", "not UTF-8 text (byte 17)"),
        (b"shares = " + b"9" * 5000, "not TOML"),
        (b"x = " + b"[" * 5000, "not TOML"),
        (b"[order]\nshares = 900\n", "key impact: is missing"),
        (b"[order]\nshares = 900\n[impact]\nfamily = 'Linear'\nquoted = 'total'\nslope = 1\n", "key objective.name"),
        (b"[order]\nside = 'buy'\n[impact]\nfamily = 'Linear'\nquoted = 'total'\nslope = 1\n", "key order.shares: is"),
        (
            b"[order]\nshares = 9\n[impact]\nfamily = 'Linear'\nquoted = 'total'\nslope = 1\n[objective]\nname = 'A'",
            "the number of buckets is unknown",
        ),
        (
            b"[order]\nshares = 9\n[impact]\nfamily = 'Linear'\nquoted = 'total'\nslope = 'h'\n[objective]\nname = 'A'",
            "'h' names a column, and there is no table",
        ),
    ],
)
def test_a_file_that_is_no_spec(tmp_path: Path, refused: Refused, content: bytes, told: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    line = refused(2, "solve", path)
    assert line.startswith(f"{path}")
    assert told in line


def test_files_that_cannot_be_read(tmp_path: Path, refused: Refused) -> None:
    assert "no such file" in refused(2, "solve", tmp_path / "nowhere.toml")
    assert "a directory" in refused(2, "solve", tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "a header and no rows"),
        (b"a,b\n\xff,1\n", "not UTF-8"),
    ],
)
def test_a_bucket_table_that_is_none(spec: Path, refused: Refused, content: bytes, told: str) -> None:
    spec.with_name("buckets.csv").write_bytes(content)
    assert told in refused(2, "solve", spec)


def test_a_bucket_table_of_another_length(spec: Path, refused: Refused) -> None:
    told = refused(2, "solve", spec, "--set", "impact.1.slope=[1, 2]")
    assert "arrays of different lengths: impact 1 has 2, impact 2 has 3" in told


def test_limits_that_cannot_hold_the_order(spec: Path, refused: Refused) -> None:
    assert "limits allow 750 of 900 shares; raise participation to 0.06" in refused(
        3, "solve", spec, "--set", "limits.participation=0.05"
    )
    assert "lower limits.minimum" in refused(
        3, "solve", spec, "--set", "limits.minimum=400", "--set", "order.shares=900"
    )


def test_no_objective_without_its_parameter(spec: Path, refused: Refused) -> None:
    spec.write_text(spec.read_text().replace("rho = 1e-5", ""))
    assert "objective B needs rho" in refused(2, "solve", spec, "--objective", "B")
    assert "unknown objective 'D'" in refused(2, "solve", spec, "--objective", "D")


def test_a_method_that_does_not_apply(spec: Path, refused: Refused) -> None:
    assert "'highs' does not apply" in refused(2, "solve", spec, "--method", "highs", "--set", "impact.2.b=0.5")


def test_least_slices(spec: Path, refused: Refused) -> None:
    assert "use dp or milp" in refused(2, "solve", spec, "--method", "twap", "--set", "limits.smallest=40")
    assert "lower limits.smallest, which closes 2 of 3" in refused(
        3, "solve", spec, "--set", "limits.smallest=[500,500,501]", "--set", "order.shares=1_200"
    )
    assert "key limits: limits.smallest must be >= 0" in refused(2, "solve", spec, "--set", "limits.smallest=-1")
    assert "'notes'" in refused(2, "solve", spec, "--set", "limits.smallest=notes")


def test_more_buckets_than_there_is_memory_for(spec: Path, refused: Refused) -> None:
    impact = "impact=[{family='Linear', quoted='total', slope=0.01}]"
    many = ["--set", f"buckets={{number={10**17}}}", "--set", impact, "--set", "limits={}", "--objective", "A"]
    assert refused(4, "solve", spec, *many).startswith("not enough memory (Unable to allocate ")


def test_a_blank_label(spec: Path, refused: Refused) -> None:
    table = spec.with_name("buckets.csv")
    table.write_text(table.read_text().replace("09:31,", " ,", 1))
    assert "buckets.csv, row 3, column time: ' ' is blank; fill it in" in refused(2, "solve", spec)
