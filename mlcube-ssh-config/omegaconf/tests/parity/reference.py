"""Fill in the tables of expected values with what PyYAML and OmegaConf make of their texts.

usage: reference.py FOLDER            recompute yaml.json, grammar.json and expressions.json in FOLDER
       reference.py FOLDER NUMBER SEED TARGET
                                      write tables of NUMBER random texts each, made from pieces of those in FOLDER, to TARGET

A row without a value is refused. JSON has no ordered map with keys that are no text, no infinity and no NaN: a map is
{"map": [[key, value], ...]} and such a number {"float": "inf"}.
"""
import io
import json
import math
import os
import random
import sys
import warnings

import omegaconf
import yaml
from omegaconf import OmegaConf, grammar_parser, grammar_visitor
from omegaconf._utils import get_yaml_loader

VERSIONS = ("6.0.3", "2.1.0")
VARIABLES = {"MLC_HOST": "box-from-env", "MLC_EMPTY": "", "MLC_NUM": "12"}


class Refused(Exception):
    """A value that a configuration can't hold."""


def encoded(value, keys=(bool, int, float, str)):
    """A value as the tables hold it, with keys of these types."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, str):
        value.encode()  # half a pair of surrogates is no character, and in no file
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [encoded(item, keys) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, keys) for key in value):
            raise Refused("a key that a configuration can't have")
        return {"map": [[encoded(key), encoded(item, keys)] for key, item in value.items()]}
    raise Refused(type(value))


def read_yaml(text):
    """The text of a file, through the loader of OmegaConf.load."""
    file = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    return encoded(yaml.load(file, Loader=get_yaml_loader()))


def parses(text, rule):
    try:
        return grammar_parser.parse(text, parser_rule=rule, lexer_mode=MODES[rule])
    except Exception:
        return None


MODES = {"configValue": "DEFAULT_MODE", "singleElement": "VALUE_MODE"}


def never(*_arguments, **_options):
    raise Refused("it has an interpolation")


def read_grammar(text):
    element = parses(text, "singleElement")
    row = {"text": text, "element": element is not None, "value": parses(text, "configValue") is not None}
    if element is not None:
        visitor = grammar_visitor.GrammarVisitor(
            node_interpolation_callback=never, resolver_interpolation_callback=never, memo=None)
        try:
            row["result"] = encoded(visitor.visit(element), (bool, int, float, str, type(None)))
        except AssertionError:
            row["element"] = False  # blanks alone parse, and then have no value
        except Exception:
            pass
    return row


def read_expression(base, text):
    """What a value resolves to beside the keys of `base`."""
    config = OmegaConf.create(base + "it: " + json.dumps(text) + "\n")
    OmegaConf.resolve(config)
    value = OmegaConf.to_container(config)["it"]
    return json.loads(json.dumps(value, allow_nan=False))


def row(text, read):
    try:
        return [text, read(text)]
    except Exception:
        return [text]


def write(path, rows, before="", after=""):
    """One row a line, so that a change is seen in the difference of two versions."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=True) for one in rows)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}[\n{lines}\n]{after}\n")


def tables(folder, target, change):
    load = lambda name: json.load(open(os.path.join(folder, name), encoding="utf-8"))
    texts = [one[0] for one in load("yaml.json")]
    write(os.path.join(target, "yaml.json"), [row(text, read_yaml) for text in change(texts)])
    texts = [one["text"] for one in load("grammar.json")]
    write(os.path.join(target, "grammar.json"), [read_grammar(text) for text in change(texts)])
    found = load("expressions.json")
    base = found["base"]
    rows = [row(text, lambda text: read_expression(base, text)) for text in change([one[0] for one in found["rows"]])]
    write(os.path.join(target, "expressions.json"), rows, f'{{"base": {json.dumps(base)},\n"rows": ', "}")


def random_texts(number, seed):
    """Texts of pieces of others: cut anywhere, joined, doubled, with a sign in between."""
    pick = random.Random(seed)
    signs = list("[]{}:,'\"&*!|>#?%@`~<=$\\ \n\t.0-9ax_") + ["${", "}", ": ", "- ", "\n  ", "\n- ", "???"]

    def changed(texts):
        new = []
        while len(new) < number:
            one, two = pick.choice(texts), pick.choice(texts)
            at, end = pick.randrange(len(one) + 1), pick.randrange(len(two) + 1)
            new.append(pick.choice([
                lambda: one[:at] + two[end:],
                lambda: one[:at] + pick.choice(signs) + one[at:],
                lambda: one[:at] + one[at + 1:],
                lambda: one[:at] + pick.choice(signs) + two[end:],
                lambda: one + "\n" + two,
            ])())
        return new
    return changed


def main():
    if (yaml.__version__, omegaconf.__version__) != VERSIONS:
        sys.exit(f"reference.py: this takes PyYAML {VERSIONS[0]} and OmegaConf {VERSIONS[1]}")
    warnings.simplefilter("ignore")
    os.environ.update(VARIABLES)
    os.environ.pop("MLC_UNSET", None)
    if len(sys.argv) == 2:
        tables(sys.argv[1], sys.argv[1], list)
    elif len(sys.argv) == 5:
        os.makedirs(sys.argv[4], exist_ok=True)
        tables(sys.argv[1], sys.argv[4], random_texts(int(sys.argv[2]), int(sys.argv[3])))
    else:
        sys.exit(__doc__)


main()
