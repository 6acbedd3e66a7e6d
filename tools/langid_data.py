"""The words that `langid` is trained and measured on: Debian's word lists."""

import collections
import hashlib
import random
import unicodedata

# Language: (package, file under /usr/share/dict, encoding).
SOURCES = {
    "Catalan": ("wcatalan", "catalan", "utf-8"),
    "Danish": ("wdanish", "danish", "utf-8"),
    "Dutch": ("wdutch", "dutch", "utf-8"),
    "English": ("wamerican", "american-english", "utf-8"),
    "French": ("wfrench", "french", "utf-8"),
    "German": ("wngerman", "ngerman", "utf-8"),
    "Irish": ("wirish", "irish", "utf-8"),
    "Italian": ("witalian", "italian", "utf-8"),
    "Polish": ("wpolish", "polish", "utf-8"),
    "Portuguese": ("wportuguese", "portuguese", "utf-8"),
    "Spanish": ("wspanish", "spanish", "utf-8"),
    "Swedish": ("wswedish", "swedish", "iso-8859-1"),
}
LANGUAGES = list(SOURCES)
UNKNOWN = "<unk>"

STEM_LETTERS = 4
HELD_OUT_SHARE = 0.1
# Polish alone has four million forms; more than this teaches little more.
MOST_WORDS = 250_000
# A character rarer than this in training becomes UNKNOWN.
RAREST_CHARACTER = 50


def fraction(text):
    """A number in [0, 1) that depends on the text alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2 ** 64


def stem(word):
    """The first letters without case and accents.

    Forms of one word mostly share it ("walk", "walked"), in related languages
    too, so that the split keeps them on one side.
    """
    plain = unicodedata.normalize("NFD", word.casefold())
    letters = [c for c in plain if c.isalpha()]
    return "".join(letters[:STEM_LETTERS])


def is_word(word):
    """Letters with ' - · inside; at most one capital: no abbreviations."""
    return (len(word) > 1 and word[0].isalpha() and word[-1].isalpha()
            and sum(c.isupper() for c in word) <= 1
            and all(c.isalpha() or c in "'-·" for c in word))


def read_list(language):
    """The distinct words of a list, sorted."""
    _, name, encoding = SOURCES[language]
    with open(f"/usr/share/dict/{name}", encoding=encoding) as file:
        lines = unicodedata.normalize("NFC", file.read()).split("\n")
    return sorted({word for word in lines if is_word(word)})


def load_words():
    """For each of LANGUAGES: (training words, held-out words).

    A stem is held out in all languages or in none. A word of several lists
    stays in the training words of each, as that is what it is; it is not among
    the held-out words of any, as nobody could tell its language.
    """
    lists = [read_list(language) for language in LANGUAGES]
    split = []
    for language, words in zip(LANGUAGES, lists):
        if len(words) > MOST_WORDS:
            words = random.Random(language).sample(words, MOST_WORDS)
        split.append(([], []))
        for word in words:
            away = fraction(stem(word)) < HELD_OUT_SHARE
            split[-1][away].append(word)
    candidates = {word.casefold() for _, away in split for word in away}
    lists_with = collections.Counter()
    for words in lists:
        lists_with.update(candidates & {word.casefold() for word in words})
    return [(words, [w for w in away if lists_with[w.casefold()] == 1])
            for words, away in split]


def make_vocabulary(split):
    """UNKNOWN, the space and the characters of the training words.

    With the capital of each letter, as random_phrase makes some.
    """
    counts = collections.Counter(
        c for words, _ in split for word in words for c in word)
    common = {c for c, count in counts.items() if count >= RAREST_CHARACTER}
    capitals = {c.upper() for c in common if len(c.upper()) == 1}
    return [UNKNOWN] + sorted({" "} | common | capitals)


def random_phrase(words, chooser):
    """One to three words, in the list's case, as a sentence begins, or small.

    Otherwise a capital would give away English names and German nouns.
    """
    count = chooser.choices((1, 2, 3), (0.75, 0.2, 0.05))[0]
    phrase = " ".join(chooser.choices(words, k=count))
    luck = chooser.random()
    if luck < 0.15:
        return phrase[0].upper() + phrase[1:]
    return phrase.lower() if luck < 0.3 else phrase


def held_out_sample(split, count):
    """(word, language index) of up to `count` held-out words a language.

    The same ones for every model, so that numbers can be compared.
    """
    chooser = random.Random(1)
    return [(word, index) for index, (_, words) in enumerate(split)
            for word in chooser.sample(words, min(count, len(words)))]
