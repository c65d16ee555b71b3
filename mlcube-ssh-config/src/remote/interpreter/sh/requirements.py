# Checks without pip whether every requirement is met already.
# Arguments: the requirements. Status 1: one isn't met; 2: all others are met, and one can be judged by pip alone (a URL,
# a file, an option that changes what is installed, or where).

import re
import sys

# Removes the current folder: a folder of the account that happens to be called packaging must not be imported.
sys.path = [place for place in sys.path if place]

# The options that change how pip works, not what it installs (pip-install(1)): with a value, and without.
WITH_VALUE = set("""
    -i --index-url --extra-index-url -f --find-links --trusted-host --proxy --cert --client-cert --keyring-provider
    --timeout --retries --resume-retries --cache-dir --log --progress-bar --exists-action --root-user-action
    --no-binary --only-binary --upgrade-strategy --use-feature --use-deprecated
""".split())
WITHOUT_VALUE = set("""
    --no-index --pre -U --upgrade --user --no-deps -q -qq -qqq --quiet -v -vv -vvv --verbose --no-input --no-color
    --no-cache-dir --disable-pip-version-check --prefer-binary --no-build-isolation --use-pep517 --no-use-pep517
    --compile --no-compile --isolated --no-clean --no-warn-script-location --no-warn-conflicts
    --break-system-packages --require-virtualenv --no-python-version-warning
""".split())


class Plain:
    """A requirement whose versions are plain numbers: enough where neither packaging nor pip is installed (uv)."""

    url = marker = None
    extras = ()

    def __init__(self, text):
        parts = re.match(r"^([A-Za-z0-9._-]+)\s*(.*)$", text)
        self.name, rest = parts.group(1), parts.group(2).strip()
        self.bounds = [re.match(r"^(==|!=|<=|>=|<|>)\s*([0-9.]+)$", part.strip()).groups() for part in rest.split(",") if rest]
        self.specifier = self

    def contains(self, version, prereleases):
        return all(self.compare(version, *bound) for bound in self.bounds)

    @staticmethod
    def compare(version, operator, bound):
        left, right = ([int(part) for part in text.split(".")] for text in (version, bound))
        length = max(len(left), len(right))
        left, right = (part + [0] * (length - len(part)) for part in (left, right))
        return {
            "==": left == right, "!=": left != right, "<": left < right,
            "<=": left <= right, ">": left > right, ">=": left >= right,
        }[operator]


unknown = False
try:
    from importlib.metadata import PackageNotFoundError, requires, version
    try:
        from packaging.requirements import Requirement
    except ImportError:
        try:
            from pip._vendor.packaging.requirements import Requirement
        except ImportError:
            Requirement = Plain

    def is_met(wanted):
        if wanted.url:
            raise ValueError("only pip can judge a URL")
        if not wanted.specifier.contains(version(wanted.name), prereleases=True):
            return False
        of_package = [Requirement(line) for line in requires(wanted.name) or []] if wanted.extras else []
        for extra in wanted.extras:
            of_extra = [
                one for one in of_package
                if one.marker and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate({"extra": ""})
            ]
            if not all(is_met(one) for one in of_extra):
                return False
        return True

    words = iter(sys.argv[1:])
    for word in words:
        if word.startswith("-"):
            name, has_value, _ = word.partition("=")
            if name in WITH_VALUE:
                if not has_value:
                    next(words)
            elif word not in WITHOUT_VALUE:
                # The next word may be its value.
                unknown = True
                break
            continue
        try:
            wanted = Requirement(word)
            if wanted.marker and not wanted.marker.evaluate():
                continue
            if not is_met(wanted):
                sys.exit(1)
        except PackageNotFoundError:
            sys.exit(1)
        except Exception:
            unknown = True
except Exception:
    unknown = True
sys.exit(2 if unknown else 0)
