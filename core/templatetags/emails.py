from django import template

from core import emails

register = template.Library()
register.filter(emails.readable_email)
