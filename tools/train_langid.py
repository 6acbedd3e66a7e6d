#!/usr/bin/python3
"""Trains `langid`: letters in, language out, a guess after every letter.

Needs Debian's python3-torch, python3-numpy, libopenblas0-pthread and the word
lists that langid_data.py names. Writes version 1 into --output, by export.py.
Example:

  nice /usr/bin/python3 tools/train_langid.py --output models/langid
  /usr/bin/python3 tools/train_langid.py --output models/langid --evaluate
  /usr/bin/python3 tools/train_langid.py --output models/langid --export
"""

import argparse
import collections
import math
import random
import time
import unicodedata

import numpy as np
import torch

import langid_data as data
import safetensors_file
from export import export

# What the server tries when it loads the model.
EXAMPLE = ["bonjour", "Welcome", "książka"]


class LangId(torch.nn.Module):
    """Embedding, nn.RNN, Linear on each step."""

    def __init__(self, vocabulary, embedding, hidden, classes):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, embedding)
        self.rnn = torch.nn.RNN(embedding, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, classes)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embedding(ids))
        return self.head(hidden)


def encode(texts, vocabulary, unknown_rate=0.0, chooser=random):
    """Padded ids [N, T] and lengths [N]; unknown and some others become 0."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    lengths = torch.tensor([len(text) for text in texts])
    array = np.zeros((len(texts), int(lengths.max())), np.int64)
    for row, text in enumerate(texts):
        array[row, :len(text)] = [
            0 if unknown_rate and chooser.random() < unknown_rate
            else ids.get(character, 0) for character in text]
    return torch.from_numpy(array), lengths


def batches(split, chooser, batch_size):
    """Endless (texts, labels), each batch of like lengths: little padding."""
    at_once = 16 * batch_size
    while True:
        labels = chooser.choices(range(len(split)), k=at_once)
        phrases = sorted(
            ((data.random_phrase(split[label][0], chooser), label)
             for label in labels), key=lambda phrase: len(phrase[0]))
        starts = list(range(0, at_once, batch_size))
        chooser.shuffle(starts)
        for start in starts:
            yield zip(*phrases[start:start + batch_size])


def train(model, split, vocabulary, options):
    """Cross entropy of every step's guess, weighted the same.

    Warms up, then lets the rate fall along a cosine over the batches, or over
    the minutes if these end first.
    """
    chooser = random.Random(options.seed)
    optimizer = torch.optim.Adam(model.parameters())
    started, batch, progress, running = time.time(), 0, 0.0, None
    for texts, labels in batches(split, chooser, options.batch_size):
        rate = options.rate * min(1, (batch + 1) / 200) * (
            0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        optimizer.param_groups[0]["lr"] = rate
        ids, lengths = encode(texts, vocabulary, 0.005, chooser)
        scores = model(ids)
        mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
        targets = torch.tensor(labels)[:, None].expand(ids.shape)
        loss = torch.nn.functional.cross_entropy(scores[mask], targets[mask])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = loss.item() if running is None else (
            0.99 * running + 0.01 * loss.item())
        batch += 1
        seconds = time.time() - started
        progress = max(batch / options.batches, seconds / 60 / options.minutes)
        if batch % 200 == 0 or progress >= 1:
            print(f"batch {batch}  loss {running:.4f}  {seconds:.0f} s",
                  flush=True)
        if progress >= 1:
            return


def save(model, vocabulary, folder):
    """The model's folder, as unroll reads it."""
    export(f"{folder}/1", rnn=model.rnn, embedding=model.embedding,
           head=model.head, activation="softmax", applied_to="each_step",
           vocabulary=vocabulary, tokenizer="characters",
           unknown_token=data.UNKNOWN, labels=data.LANGUAGES, example=EXAMPLE,
           overwrite=True)


def load(folder):
    """The saved model and its vocabulary, from the files alone."""
    with open(f"{folder}/1/vocab.txt", encoding="utf-8") as file:
        vocabulary = file.read().split("\n")[:-1]
    tensors = safetensors_file.read(f"{folder}/1/model.safetensors")
    model = LangId(*tensors["embedding.weight"].shape,
                   *tensors["head.weight"].shape[::-1])
    model.load_state_dict(
        {name: torch.tensor(array) for name, array in tensors.items()})
    return model, vocabulary


def ngram_guesses(split, texts, order, smoothing=0.1):
    """Naive Bayes over characters given the `order` - 1 before them.

    A text that ends in "$" is a whole word, any other the start of one.
    """
    alphabet = len({c for words, _ in split for w in words for c in w}) + 1
    start = "^" * (order - 1)
    totals = np.zeros((len(texts), len(split)))
    for language, (words, _) in enumerate(split):
        counts, contexts = collections.Counter(), collections.Counter()
        for word in words:
            padded = start + word + "$"
            for i in range(len(word) + 1):
                counts[padded[i:i + order]] += 1
                contexts[padded[i:i + order - 1]] += 1
        for row, text in enumerate(texts):
            padded = start + text
            totals[row, language] = sum(
                math.log((counts[padded[i:i + order]] + smoothing) /
                         (contexts[padded[i:i + order - 1]]
                          + smoothing * alphabet))
                for i in range(len(text)))
    return totals.argmax(-1)


def model_guesses(model, vocabulary, texts):
    """The guess after the last letter of each text, [N]."""
    ids, lengths = encode(texts, vocabulary)
    with torch.no_grad():
        guesses = [
            model(some)[torch.arange(len(some)), last].argmax(-1)
            for some, last in zip(ids.split(1000), (lengths - 1).split(1000))]
    return torch.cat(guesses).numpy()


def plain(word):
    """Small letters, without what Unicode takes for accents."""
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in letters if not unicodedata.combining(c))


def print_by_language(guesses, labels):
    """Accuracy and the commonest wrong guess of each language."""
    print("by language, whole word:")
    for index, name in enumerate(data.LANGUAGES):
        counts = np.bincount(guesses[labels == index],
                             minlength=len(data.LANGUAGES))
        right, counts[index] = counts[index], 0
        wrong = counts.argmax()
        total = (labels == index).sum()
        print(f"  {name}: {right / total:.3f}, {data.LANGUAGES[wrong]} for "
              f"{counts[wrong] / total:.3f}")


def print_by_letters(split, model, vocabulary, words, labels):
    """Accuracy of the model and of the n-grams after so many letters.

    That a word is over tells much; the model learns it from the space after
    it, the n-grams from "$". Both are measured with that and without.
    """
    letters = (1, 2, 3, 4, 5, 6, 8, 10)
    seen = {f"after {n} letters": [word[:n] for word in words]
            for n in letters}
    seen["whole word"] = words
    seen["whole word, space"] = [word + "$" for word in words]
    texts = [text for column in seen.values() for text in column]
    ends = [text.replace("$", " ") for text in texts]
    guesses = {"model": model_guesses(model, vocabulary, ends)}
    for order in (3, 4, 5):
        guesses[f"{order}-grams"] = ngram_guesses(split, texts, order)
    right = {who: guess == np.tile(labels, len(seen))
             for who, guess in guesses.items()}
    lengths = np.array([len(word) for word in words])
    for row, name in enumerate(seen):
        reached = lengths >= (letters[row] if row < len(letters) else 0)
        print(f"{name} ({reached.sum()} words): " + "  ".join(
            f"{who} {hits.reshape(len(seen), -1)[row][reached].mean():.3f}"
            for who, hits in right.items()))


def evaluate(folder, options):
    """Prints what the card states, from the saved files."""
    model, vocabulary = load(folder)
    split = data.load_words()
    for name, (words, away) in zip(data.LANGUAGES, split):
        print(f"{name}: {len(words)} words to train on, {len(away)} held out")
    sample = data.held_out_sample(split, options.held_out)
    words = [word for word, _ in sample]
    labels = np.array([label for _, label in sample])
    print(f"{len(sample)} held-out words; V {len(vocabulary)}; "
          f"{sum(p.numel() for p in model.parameters())} parameters; "
          f"chance {1 / len(split):.3f}")
    print_by_letters(split, model, vocabulary, words, labels)
    for name, change in (("small letters", str.lower), ("plain", plain)):
        changed = model_guesses(model, vocabulary, list(map(change, words)))
        print(f"whole word, {name}: model {(changed == labels).mean():.3f}")
    print_by_language(model_guesses(model, vocabulary, words), labels)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="models/langid",
                        help="the model's folder (default: %(default)s)")
    parser.add_argument("--evaluate", action="store_true",
                        help="only measure the model that stands in --output")
    parser.add_argument("--export", action="store_true",
                        help="only write the files in --output anew")
    parser.add_argument("--resume", action="store_true",
                        help="go on from the weights that stand in --output")
    parser.add_argument("--batches", type=int, default=12000)
    parser.add_argument("--minutes", type=float, default=24,
                        help="end by then (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--embedding", type=int, default=48)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--held-out", type=int, default=1000,
                        help="words a language to measure on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    if options.export:
        save(*load(options.output), options.output)
        return
    if not options.evaluate:
        split = data.load_words()
        if options.resume:
            model, vocabulary = load(options.output)
        else:
            vocabulary = data.make_vocabulary(split)
            model = LangId(len(vocabulary), options.embedding, options.hidden,
                           len(split))
        train(model, split, vocabulary, options)
        save(model, vocabulary, options.output)
    evaluate(options.output, options)


if __name__ == "__main__":
    main()
