"""The seeded defects, each of which a test must catch: a dropped condition, a swapped order, a skipped read-back, a zero omitted, …"""

from tests.defects.seeds.edges import EDGES
from tests.defects.seeds.going_back import APPROVED, WAYS_BACK
from tests.defects.seeds.hooks import CONFIRMED, CUT_OVER, HOOKED
from tests.defects.seeds.judging import JUDGING
from tests.defects.seeds.records import RECORDS
from tests.defects.seeds.shifting import STEP_BY_STEP
from tests.defects.seeds.staging import BEFORE_THE_SHIFT
from tests.defects.seeds.traffic import WEIGHTS

DEFECTS = (*WEIGHTS, *BEFORE_THE_SHIFT, *STEP_BY_STEP, *WAYS_BACK, *APPROVED, *HOOKED, *CUT_OVER, *CONFIRMED, *JUDGING, *RECORDS, *EDGES)
