"""What the lists and forms of every app's administration share, one module a subject."""

from core.admin.audit_log import AuditLogAdmin
from core.admin.bilingual import BilingualAdmin, in_two_languages
from core.admin.csp_reports import CspReportAdmin
from core.admin.inlines import ON_ONE_PAGE, LabelledInline, ReadOnlyInline
from core.admin.records import Boxes, CarefulAdmin, Form, ListAdmin, RecordAdmin, Ticks, Values, WholeNumber, badge
from core.admin.sheets import SheetAdmin
from core.admin.sourced import SourcedAdmin, ToVerify, source_fields

__all__ = [
    "ON_ONE_PAGE",
    "AuditLogAdmin",
    "BilingualAdmin",
    "Boxes",
    "CarefulAdmin",
    "CspReportAdmin",
    "Form",
    "LabelledInline",
    "ListAdmin",
    "ReadOnlyInline",
    "RecordAdmin",
    "SheetAdmin",
    "SourcedAdmin",
    "Ticks",
    "ToVerify",
    "Values",
    "WholeNumber",
    "badge",
    "in_two_languages",
    "source_fields",
]
