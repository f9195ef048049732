"""Sentences of Django's administration that our French catalogue says in its own way: without “objet”, and in a form
that fits women’s and men’s nouns alike.

A catalogue of an app that stands before Django's in INSTALLED_APPS wins; makemessages keeps only what the sources say,
hence this list.
"""

from django.utils.translation import gettext_noop, ngettext_lazy

WORDS = [
    gettext_noop("Add another %(verbose_name)s"),
    gettext_noop("Add another %(model)s"),
    gettext_noop("Change selected %(model)s"),
    gettext_noop("Delete selected %(model)s"),
    gettext_noop("View selected %(model)s"),
    gettext_noop("Change"),
    gettext_noop("View"),
    gettext_noop("Go"),
    gettext_noop("None"),
    gettext_noop("Unknown"),
    gettext_noop("0 of %(cnt)s selected"),
    gettext_noop("Click here to select the objects across all pages"),
    gettext_noop("Select all %(total_count)s %(module_name)s"),
    gettext_noop("Select all objects on this page for an action"),
    gettext_noop("Select this object for an action - {}"),
    gettext_noop("Successfully deleted %(count)d %(items)s."),
    gettext_noop("Cannot delete %(name)s"),
    gettext_noop("Delete multiple objects"),
    gettext_noop("Delete"),
    gettext_noop("The {name} “{obj}” was added successfully."),
    gettext_noop("The {name} “{obj}” was added successfully. You may add another {name} below."),
    gettext_noop("The {name} “{obj}” was changed successfully."),
    gettext_noop("The {name} “{obj}” was changed successfully. You may edit it again below."),
    gettext_noop("The {name} “{obj}” was changed successfully. You may add another {name} below."),
    gettext_noop("You may edit it again below."),
    gettext_noop("The %(name)s “%(obj)s” was deleted successfully."),
    gettext_noop("%(name)s with ID “%(key)s” doesn’t exist. Perhaps it was deleted?"),
    gettext_noop("Items must be selected in order to perform actions on them. No items have been changed."),
    gettext_noop("No action selected."),
    gettext_noop("Save and add another"),
    gettext_noop("Save and continue editing"),
    gettext_noop("Change:"),
    gettext_noop("Database error"),
    gettext_noop("This object doesn’t have a change history. It probably wasn’t added via this admin site."),
    gettext_noop("Change history: %s"),
    gettext_noop("All"),
    gettext_noop("Has date"),
    gettext_noop("You don’t have permission to view or edit anything."),
    gettext_noop(
        "You are authenticated as %(username)s, but are not authorized to access this page. Would you like to login to"
        " a different account?"
    ),
    gettext_noop("Breadcrumbs"),
    ngettext_lazy("%(total_count)s selected", "All %(total_count)s selected", "total_count"),
    ngettext_lazy("Please correct the error below.", "Please correct the errors below.", "counter"),
]
# Of its scripts.
SCRIPT_WORDS = [
    gettext_noop("6 a.m."),
    gettext_noop("6 p.m."),
    gettext_noop("Today"),
    gettext_noop("Now"),
    gettext_noop("Choose all %s"),
    gettext_noop("Choose selected %s"),
    gettext_noop("Remove all %s"),
    gettext_noop("Remove selected %s"),
    gettext_noop("Available %s"),
    gettext_noop("Chosen %s"),
    gettext_noop('Choose %s by selecting them and then select the "Choose" arrow button.'),
    gettext_noop('Remove %s by selecting them and then select the "Remove" arrow button.'),
    gettext_noop("Type into this box to filter down the list of available %s."),
    gettext_noop("Type into this box to filter down the list of selected %s."),
    gettext_noop(
        "You have unsaved changes on individual editable fields. If you run an action, your unsaved changes will be"
        " lost."
    ),
    gettext_noop(
        "You have selected an action, but you haven’t saved your changes to individual fields yet. Please click OK to"
        " save. You’ll need to re-run the action."
    ),
    gettext_noop(
        "You have selected an action, and you haven’t made any changes on individual fields. You’re probably looking"
        " for the Go button rather than the Save button."
    ),
]
SELECTED = gettext_noop("%(sel)s of %(cnt)s selected")
