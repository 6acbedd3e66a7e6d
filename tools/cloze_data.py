"""The sentences that `cloze` is trained and measured on, from Debian packages.

  apt-get install --no-install-recommends wordnet-base dict-gcide \\
      bible-kjv r-cran-janeaustenr
"""

import collections
import gzip
import hashlib
import re
import subprocess
import unicodedata

UNKNOWN, BLANK = "<unk>", "<blank>"
SOURCES = ("WordNet", "GCIDE", "Austen", "KJV")
HELD_OUT_SHARE = 0.05
LEAST_WORDS, MOST_WORDS = 4, 40
# A training sentence that shares so many words in a row with a held-out one
# is dropped.
SHARED_WORDS = 7

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*|[0-9]+")


def fraction(text):
    """A number in [0, 1) that depends on the text alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2 ** 64


def words_of(text):
    """Small letters without accents, apostrophes inside words, digits.

    All else, hyphens too, only separates words.
    """
    letters = unicodedata.normalize("NFD", text.lower().replace("’", "'"))
    return WORD.findall(
        "".join(c for c in letters if not unicodedata.combining(c)))


def sentences_of(text, ends=r"[.?!](?:[\"')\s]|$)"):
    """Lists of words; what is longer than MOST_WORDS is cut at ; : or after so
    many words, what is shorter than LEAST_WORDS is dropped."""
    for sentence in re.split(ends, text):
        parts = [words_of(sentence)]
        if len(parts[0]) > MOST_WORDS:
            parts = map(words_of, re.split(r"[;:]", sentence))
        for words in parts:
            for start in range(0, len(words), MOST_WORDS):
                part = words[start:start + MOST_WORDS]
                if len(part) >= LEAST_WORDS:
                    yield part


def read_wordnet():
    """(synset, sentence): definitions, split at ;, and example sentences."""
    for kind in ("noun", "verb", "adj", "adv"):
        with open(f"/usr/share/wordnet/data.{kind}", encoding="utf-8") as file:
            for line in file:
                if line.startswith("  "):
                    continue
                head, _, gloss = line.partition(" | ")
                unit = f"{kind} {head.split()[0]}"
                for example in re.findall(r'"([^"]*)"', gloss):
                    for words in sentences_of(example):
                        yield unit, words
                definition = re.sub(r'"[^"]*"?|\([^)]*\)', " ", gloss)
                for words in sentences_of(definition, ";"):
                    yield unit, words


def read_gcide():
    """(head word, sentence): definitions and quotations of the dictionary.

    Without etymologies, authors' names, marks such as [Obs.] and what is
    there taken from WordNet.
    """
    with gzip.open("/usr/share/dictd/gcide.dict.dz", "rt", encoding="utf-8",
                   errors="replace") as file:
        text = file.read()
    text = text[text.index("\nA \\"):]
    # An entry starts at the margin: Word \Word\, n. [etymology]
    for entry in re.split(r"\n(?=\S[^\\\n]*\\)", text):
        head, _, body = entry.partition("\\")
        unit = head.strip().lower()
        body = body.rpartition("\\")[2] if "\\" in body else body
        for block in re.split(r"\n\s*\n", body):
            if "WordNet" in block or block.strip().startswith("Syn:"):
                continue
            block = re.sub(r"--\s?[A-Z][^\n\[]*(?:\n\s+[0-9.ivxlc]+\s*$)?", ". ",
                           block)
            block = re.sub(r"\[(?:ae|AE)\]", "ae", block)
            block = re.sub(r"\[oe\]", "oe", block)
            for _ in range(3):  # brackets stand inside brackets
                block = re.sub(r"\[[^][]*\]|\([^()]*\)|[{}]", " ", block)
            block = re.sub(r"\b(?:n|a|adv|v\. [ti]|p\. [ap]|pl|esp|i\. e|e\. g|"
                           r"cf|etc|q\. v|prep|conj)\.", " ", block)
            block = re.sub(r"^\s*[0-9]+\.|\bas,|\bHence[:,]", "; ", block)
            for words in sentences_of(" ".join(block.split()),
                                      r"[.?!](?:[\"')\s]|$)|[;:\"]"):
                yield unit, words


def read_austen():
    """(book and chapter, sentence) of Jane Austen's six novels."""
    script = ("b <- janeaustenr::austen_books();"
              "cat(paste0(b$book, '\\t', b$text), sep='\\n')")
    lines = subprocess.run(["Rscript", "-e", script], check=True, text=True,
                           capture_output=True).stdout.split("\n")
    chapters, chapter = collections.defaultdict(list), 0
    for line in lines:
        book, _, text = line.partition("\t")
        chapter += bool(re.match(r"(?i)chapter\b", text))
        chapters[book, chapter].append(text.replace("--", " ; "))
    for (book, chapter), texts in chapters.items():
        text = re.sub(r"\b(Mrs?|Dr|St)\.", r"\1", " ".join(texts))
        for words in sentences_of(text):
            yield f"{book} {chapter}", words


def read_kjv():
    """(chapter, verse) of the King James Version."""
    verses = subprocess.run(
        ["bible", "-f", "gen1:1-rev22:21"], check=True, text=True,
        capture_output=True, encoding="latin-1").stdout.split("\n")
    for verse in verses:
        place, _, text = verse.partition(" ")
        for words in sentences_of(text):
            yield place.partition(":")[0], words


def load_sentences():
    """(training, held-out) lists of (source, sentence), no sentence twice.

    Units (synset, head word, chapter) are held out by a hash of their names;
    a sentence of both sides is held out only; see SHARED_WORDS.
    """
    readers = (read_wordnet, read_gcide, read_austen, read_kjv)
    training, away = {}, {}
    for source, reader in zip(SOURCES, readers):
        for unit, words in reader():
            held_out = fraction(f"{source} {unit}") < HELD_OUT_SHARE
            (away if held_out else training).setdefault(
                " ".join(words), (source, words))
    seen = {run for _, words in away.values() for run in runs(words)}
    kept = [(source, words) for text, (source, words) in training.items()
            if text not in away and seen.isdisjoint(runs(words))]
    return kept, list(away.values())


def runs(words):
    """All SHARED_WORDS words in a row."""
    return [" ".join(words[i:i + SHARED_WORDS])
            for i in range(len(words) - SHARED_WORDS + 1)]


def make_vocabulary(training, size):
    """UNKNOWN, BLANK and the commonest words, the commonest first."""
    counts = collections.Counter(
        word for _, words in training for word in words)
    common = sorted(counts, key=lambda word: (-counts[word], word))
    return [UNKNOWN, BLANK] + common[:size - 2]
