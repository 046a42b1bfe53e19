import gemmi

from diffragan.structures.conformers import ConformerReport, single_conformer


def residue(atoms: str, name: str = "SER", number: int = 1) -> gemmi.Residue:
    """Build a residue from words `NAME[.ALTLOC[.OCCUPANCY]]`."""
    built = gemmi.Residue()
    built.name = name
    built.seqid = gemmi.SeqId(number, " ")
    for place, word in enumerate(atoms.split()):
        atom_name, altloc, occupancy, *_ = [*word.split(":"), "", ""]
        atom = gemmi.Atom()
        atom.name = atom_name
        atom.element = gemmi.Element(atom_name[0])
        atom.altloc = altloc or "\0"
        atom.occ = float(occupancy or 1)
        atom.pos = gemmi.Position(place, 0, 0)
        built.add_atom(atom)
    return built


def resolve(*residues: gemmi.Residue) -> tuple[list[gemmi.Residue], ConformerReport]:
    report = ConformerReport()
    return single_conformer(residues, "A", report), report


def places(one: gemmi.Residue) -> dict[str, float]:
    return {atom.name: atom.pos.x for atom in one}


def test_the_better_occupied_conformer_is_taken_as_a_whole() -> None:
    (one,), report = resolve(residue("N CA C O CB:A:0.4 CB:B:0.6 OG:A:0.4 OG:B:0.6"))
    assert places(one) == {"N": 0, "CA": 1, "C": 2, "O": 3, "CB": 5, "OG": 7}
    assert not any(atom.has_altloc() for atom in one)
    assert report.altlocs_resolved == [{"residue": "A 1 SER", "kept": "B", "dropped": ["A"]}]


def test_equal_conformers_give_the_first_letter() -> None:
    (one,), _ = resolve(residue("N CA C CB:B:0.5 CB:A:0.5"))
    assert places(one)["CB"] == 4


def test_a_conformer_without_its_backbone_is_not_taken() -> None:
    (one,), report = resolve(residue("N CA:A:0.3 C CB:A:0.3 CB:B:0.7"))
    assert places(one) == {"N": 0, "CA": 1, "C": 2, "CB": 3}
    assert report.altlocs_resolved[0]["kept"] == "A"


def test_an_atom_of_the_other_conformer_only_is_left_to_be_rebuilt() -> None:
    (one,), _ = resolve(residue("N CA C CB:A:0.7 CB:B:0.3 OG:B:0.3"))
    assert "OG" not in places(one)


def test_zero_occupancy_goes_only_where_there_is_an_alternative() -> None:
    (one,), report = resolve(residue("N CA C CB::0 OG:A:0 OG:B:1"))
    assert places(one) == {"N": 0, "CA": 1, "C": 2, "CB": 3, "OG": 5}
    assert report.zero_occupancy_kept == 1


def test_hydrogens_and_deuteriums_go() -> None:
    (one,), report = resolve(residue("N CA C H D HA"))
    assert list(places(one)) == ["N", "CA", "C"]
    assert report.hydrogens_removed == 3


def test_of_two_kinds_at_one_place_the_better_occupied_stays() -> None:
    (one,), report = resolve(
        residue("N:A:0.3 CA:A:0.3 C:A:0.3 OG:A:0.3"),
        residue("N:B:0.7 CA:B:0.7 C:B:0.7 CB:B:0.7", "ALA"),
    )
    assert one.name == "ALA"
    assert report.alternative_residues == [{"kept": "A 1 ALA", "dropped": ["A 1 SER"]}]


def test_insertion_codes_are_other_residues() -> None:
    inserted = residue("N CA C")
    inserted.seqid = gemmi.SeqId(1, "B")
    both, report = resolve(residue("N CA C"), inserted)
    assert [str(one.seqid) for one in both] == ["1", "1B"]
    assert report == ConformerReport()


def test_a_repeated_atom_counts_once() -> None:
    (one,), _ = resolve(residue("N CA C CB CB"))
    assert places(one) == {"N": 0, "CA": 1, "C": 2, "CB": 3}


def test_names_of_simulations_become_standard() -> None:
    (his, ile), _ = resolve(residue("N CA C", "HIE"), residue("N CA C CD OC1 OC2", "ILE", 2))
    assert his.name == "HIS"
    assert list(places(ile)) == ["N", "CA", "C", "CD1", "O", "OXT"]


def test_the_source_is_not_touched() -> None:
    source = residue("N CA C CB:A:0.4 CB:B:0.6 H")
    resolve(source)
    assert len(source) == 6
