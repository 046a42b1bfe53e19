"""TRPX: files that pyterse 0.1.7 wrote are unpacked value for value, in each of its modes."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from f_scan import FRAME, scan_of_f

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.open import open_scan

WRITTEN = {
    "SIGNED": (
        "JXB?Jb7dfKa&K&Dcwb^^baOo-F*YI~b7^O8Wn?`fF(M#hY;R+0Jt8qOA|P&cZDM6|UvFk#c42IFWph0uF)=VAAY^"
        "H6Wo~n6Z*FrvA~7%^F)<(_AZ~SSVr6n)Z)RU+a$#*{b3Gz6A|P#LZEtdUUvp`CWpiI|W?yD<VQpn|Jt8+UAUH4}F"
        ")=bAA|P#LZEtdUUvp`CWj!J?HZ&q2ZDn*}WMOn+UvqSFX>Mm<b7^{Ib3Gz3ATS^>AR;e59smHqn?C>mz&`;10Kx+"
        "R2m=7Q{s90003ZMW07&@<001M113)kUybk~X0002^Pk^le06>8M03ZN70B`_+$p8QV00000J^%m!00h840002+|6"
        "~9FfZzlG<NyF405|}^1$+Pi0J!5H0002^9{>OV005l;fE)ne{Qv*}009330001#$o~QW003YN1^@s6000002mk>9"
        "-~`|Y0N}p>k_rF-0O0=s00008fDZsJ0PqBU0000400000008_CPyhe`0LTIW@Bly`09*jz3BV5kkTd`Q0000G0RI"
        "61008hG1ppubfFAq+008j6{{a91$^9Py000000000000000"
    ),
    "UNSIGNED": (
        "JXB?Jb7dfKa&K&Dcwb^^baOo-F*YI~b7^O8Wn?`fFd`sgY;R+0Jt8qOA|P&cZDM6|UvFk#c42IFWph0uF)=VAAY^"
        "H6Wo~n6Z*FrvA~7%^F)<(_AZ~SSVr6n)Z)RU+a$#*{b3Gz6A|P#LZEtdUUvp`CWpiI|W?yD<VQpn|Jt8(VAU84~I"
        "W{07AZ=xBZ*qBGb7^{IJt8tQG9n;tWprU=VRT_%b98cPZf9R}X?kUIJt8n5Fd#4>A}>Dp|2qHx;4J_E009C3U<d$"
        "+0O$z-00004007_;1OUJW2|x%SE&u=k00<zU6aWAM0st6*0AK)+0ssI20002^|GNMH00=+;00001CIbLq5CKpCFa"
        "Q_;5?lZPxDx;X06+i$0002+4MUT3Ng^Kr000082mk;8N)$i<004k31ONa40002^{~Le+fC%^i00andD*ylh5C8xG"
        "06>5RfCM0f4*&o_00000000623;+NC7zF?Uzyu%x2mv1eAZY*q000012mk;800=MvKmaiC0RR9HKmY&$kURhY000"
        "000000"
    ),
    "SMALL_UNSIGNED": (
        "JXB?Jb7dfKa&K&Dcwb^^baOo-F*YI~b7^O8Wn?`fFd`sgY;R+0Jt8qOA|P&cZDM6|UvFk#c42IFWph0uF)=VAAY^"
        "H6Wo~n6Z*FrvA~7%^F)<(_AZ~SSVr6n)Z)RU+a$#*{b3Gz6A|P#LZEtdUUvp`CWpiI|W?yD<VQpn|Jt8$WAT~50I"
        "W{07AZ=xBZ*qBGb7^{IJt8tOHX<NxWprU=VRT_%b98cPZf9R}X?kUIJt8n5Fd#4>A}>Dt|8oKWfVThu00amC0Q}K"
        "QU0wkI004jh003Nq001zwhHw{d000005I{gF000C80Duy^3V;y&|8oNX03ZMX00004m<#{_WVafCZEeef8vp?A1O"
        "Na45C8xG008(+m4Yc>@B;t<03aX$001aa0096101PYq|HJ8!LEr}f1PE{|0000G00000KmfF~j}v|X06+i$00000"
        "0sssE002PjtDZV4rVsc5K+*sJ000025C8xG01yC)i5P+(001C>0000Wc>n+a00000000000000"
    ),
}
"""Three frames of `values`, compressed block by block of 12, which does not divide them."""


def values(mode: str) -> np.ndarray:
    """Return frames with empty, small and large blocks, and an overloaded pixel or signs."""
    place = np.arange(3 * 10 * 11).reshape(3, 10, 11)
    small = place * place % 7 * (place % 5 > 2)
    few = np.where(place % 29 == 3, place * 37 % 1000, small)
    found = np.where(place // 36 % 4 == 1, 0, few)
    if mode == "SIGNED":
        return (found * np.where(np.arange(11) % 2, 1, -1)).astype(np.int16)
    found[1, 4, 4] = 65535
    return found.astype(np.uint16)


@pytest.mark.parametrize("mode", WRITTEN)
def test_every_mode_is_unpacked_exactly(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "f.trpx"
    path.write_bytes(base64.b85decode(WRITTEN[mode]))
    opened = open_scan(path, ScanSettings(shape=(1, 3)))
    assert opened.available() == 3
    found = opened.read(0, 3)
    np.testing.assert_array_equal(found, values(mode))
    assert found.dtype == values(mode).dtype
    np.testing.assert_array_equal(opened.read(1, 2), values(mode)[1:2])


def test_frames_that_are_cut_off_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "f.trpx"
    path.write_bytes(base64.b85decode(WRITTEN["UNSIGNED"])[:-1])
    with pytest.raises(InputError, match="holds 2 whole frames, and a scan of 1 x 3 has 3"):
        open_scan(path, ScanSettings(shape=(1, 3)))


@pytest.mark.parametrize("mode", WRITTEN)
def test_damage_is_told_and_not_unpacked(mode: str, tmp_path: Path) -> None:
    content = bytearray(base64.b85decode(WRITTEN[mode]))
    path = tmp_path / "f.trpx"
    begin = content.index(b"/>") + 2
    content[begin : begin + 40] = bytes(40)
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="does not unpack to its length"):
        open_scan(path, ScanSettings()).read(0, 1)


def test_what_pyterse_writes_today_is_read(tmp_path: Path) -> None:
    pyterse = pytest.importorskip("pyterse", reason="needs pyterse, which writes TRPX")
    scan = scan_of_f().reshape(-1, *FRAME)
    packed = pyterse.Terse(scan[0])
    for frame in scan[1:]:
        packed.push_back(frame)
    packed.save(str(tmp_path / "f.trpx"))
    opened = open_scan(tmp_path / "f.trpx", ScanSettings(shape=(3, 5)))
    np.testing.assert_array_equal(opened.read(0, 15), scan)
    header = (tmp_path / "f.trpx").read_bytes()[:300]
    assert re.search(rb'dimensions="18 14', header)
