"""The one list of encoder families; one file each."""

from spectrans.pretrained import bert, distilbert, fnet, roberta
from spectrans.pretrained.family import Family

FAMILIES: dict[str, Family] = {
    family.kind: family for family in (fnet.FAMILY, bert.FAMILY, roberta.FAMILY, distilbert.FAMILY)
}
