#!/usr/bin/python3
"""Trains `cloze`: words in, both directions, the word for a blank out.

Needs Debian's python3-torch, python3-numpy, libopenblas0-pthread and the texts
that cloze_data.py names. Writes weights, config.json and vocab.txt into
--output. Example:

  nice /usr/bin/python3 tools/train_cloze.py --output models/cloze
  /usr/bin/python3 tools/train_cloze.py --output models/cloze --evaluate
"""

import argparse
import math
import random
import time

import numpy as np
import torch

import cloze_data as data
import safetensors_file
from export import export

# Words that are blanked half as often, and never in the measurements.
COMMONEST = 100
MEASURED_FROM = 150
# N-grams are slow over the whole vocabulary: every eighth sentence only.
WHOLE_OF_NGRAMS = 8

# Short, as each of its words has as many scores as there are words.
EXAMPLE = "birds [ ] nests"

SENTENCES = [
    ("exercise is very effective at [ ] belly fat",
     ("reducing", "increasing", "multiplying")),
    ("the sun rises in the [ ]", ("east", "west", "evening")),
    ("she opened the [ ] and walked into the room",
     ("door", "letter", "river")),
    ("he drank a glass of [ ]", ("wine", "bread", "stone")),
    ("the doctor treated the [ ] in the hospital",
     ("patient", "horse", "mountain")),
    ("birds build their [ ] in trees", ("nests", "ships", "laws")),
    ("two and two make [ ]", ("four", "five", "seven")),
]


class Cloze(torch.nn.Module):
    """Embedding, nn.RNN of both directions, Linear tied to the embedding."""

    def __init__(self, vocabulary, hidden, layers, dropout=0.0):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, 2 * hidden)
        self.rnn = torch.nn.RNN(2 * hidden, hidden, layers, batch_first=True,
                                bidirectional=True)
        self.head = torch.nn.Linear(2 * hidden, vocabulary)
        self.dropout = torch.nn.Dropout(dropout)
        torch.nn.init.normal_(self.embedding.weight, std=0.1)
        torch.nn.init.zeros_(self.head.bias)
        for name, weight in self.rnn.named_parameters():
            if "weight_hh" in name:
                torch.nn.init.orthogonal_(weight, 0.9)
            elif "weight_ih" in name:
                torch.nn.init.xavier_uniform_(weight)
        self.head.weight = self.embedding.weight

    def states(self, ids, where):
        """States [B, 2H] at the steps where [N, T] is true."""
        hidden, _ = self.rnn(self.embedding(ids))
        return self.dropout(hidden[where])

    def forward(self, ids, where):
        """Scores [B, V] there."""
        return self.head(self.states(ids, where))


def encode(sentences, vocabulary):
    """A list of id arrays; other words become UNKNOWN."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    return [np.array([ids.get(word, 0) for word in words], np.int64)
            for _, words in sentences]


def batches(encoded, chooser, words_a_batch):
    """Endless [N, T] arrays of sentences that are equally long: no padding.

    A padded sentence would change the states of the backward direction.
    """
    by_length = {}
    for ids in encoded:
        by_length.setdefault(len(ids), []).append(ids)
    by_length = {length: np.stack(rows) for length, rows in by_length.items()}
    while True:
        epoch = []
        for length, rows in by_length.items():
            order = chooser.permutation(len(rows))
            count = max(1, round(words_a_batch / length))
            epoch += [rows[order[start:start + count]]
                      for start in range(0, len(rows), count)]
        for index in chooser.permutation(len(epoch)):
            yield epoch[index]


def blank_some(ids, chooser, share, one_share=0.3):
    """Where to blank: in some sentences one word, else each by chance.

    Never an unknown word; the COMMONEST words half as often.
    """
    weight = np.where(ids >= COMMONEST + 2, 1.0, 0.5) * (ids >= 2)
    where = chooser.random(ids.shape) < share * weight
    luck = chooser.random(ids.shape) ** (1 / np.maximum(weight, 1e-9))
    one = np.arange(ids.shape[1]) == (luck * (weight > 0)).argmax(1)[:, None]
    single = (chooser.random(len(ids)) < one_share) | ~where.any(1)
    return np.where(single[:, None], one, where) & (weight > 0)


def sampling_odds(encoded, size, count):
    """For each word the odds to be drawn, by the root of its frequency.

    They add up to about `count`.
    """
    roots = np.bincount(np.concatenate(encoded), minlength=size) ** 0.5
    factor = count / roots.sum()
    for _ in range(20):
        factor *= count / np.minimum(1, factor * roots).sum()
    return np.minimum(1, factor * np.maximum(roots, 1))


def sampled_loss(model, states, targets, odds, chooser):
    """Cross entropy against a drawn part of the vocabulary: far quicker.

    Each drawn word stands for 1 / odds words, so that the sum over the
    vocabulary is right on average.
    """
    drawn = torch.from_numpy(np.flatnonzero(chooser.random(len(odds)) < odds))
    own = (states * model.head.weight[targets]).sum(1) + (
        model.head.bias[targets])
    others = torch.nn.functional.linear(
        states, model.head.weight[drawn],
        model.head.bias[drawn] - torch.from_numpy(odds).log().float()[drawn])
    others = others.masked_fill(drawn[None] == targets[:, None], -math.inf)
    return (torch.logaddexp(own, others.logsumexp(1)) - own).mean()


def train(model, encoded, options, checkpoint):
    """Cross entropy at the blanks.

    Warms up, then lets the rate fall along a cosine over the minutes. Over
    the first part of them with many blanks and drawn words, then as it is
    measured: fewer blanks, the whole vocabulary.
    """
    chooser = np.random.default_rng(options.seed)
    odds = sampling_odds(encoded, len(model.head.bias), options.drawn)
    optimizer = torch.optim.Adam(model.parameters())
    started = saved = time.time()
    seen, progress, running = 0, 0.0, None
    model.train()
    for batch, ids in enumerate(
            batches(encoded, chooser, options.batch_words), 1):
        optimizer.param_groups[0]["lr"] = options.rate * min(
            1, batch / 300) * (0.01 + 0.99 * 0.5 * (
                1 + math.cos(math.pi * progress)))
        early = progress < options.early
        where = blank_some(ids, chooser, 0.4 if early else 0.2)
        targets = torch.from_numpy(ids[where])
        states = model.states(torch.from_numpy(np.where(where, 1, ids)),
                              torch.from_numpy(where))
        if early:
            loss = sampled_loss(model, states, targets, odds, chooser)
        else:
            loss = torch.nn.functional.cross_entropy(
                model.head(states), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = loss.item() if running is None else (
            0.995 * running + 0.005 * loss.item())
        seen += ids.size
        now = time.time()
        progress = (now - started) / 60 / options.minutes
        if batch % 500 == 0 or progress >= 1:
            print(f"batch {batch}  {seen / 1e6:.1f} million words  "
                  f"loss {running:.4f}  {now - started:.0f} s", flush=True)
        if now - saved > 60 * options.save_every:
            checkpoint(model)
            saved = now
        if progress >= 1:
            return


def write_model(folder, model, vocabulary):
    """The model's folder, as unroll reads it: float16, tied weights once."""
    export(f"{folder}/1", rnn=model.rnn, embedding=model.embedding,
           head=model.head, activation="softmax", applied_to="each_step",
           vocabulary=vocabulary, labels=vocabulary, tokenizer="words",
           unknown_token=data.UNKNOWN, blank_token=data.BLANK,
           example=EXAMPLE, dtype="float16", overwrite=True)


def load(folder):
    """The saved model and its vocabulary, from the files alone."""
    with open(f"{folder}/1/vocab.txt", encoding="utf-8") as file:
        vocabulary = file.read().split("\n")[:-1]
    tensors = safetensors_file.read(f"{folder}/1/model.safetensors")
    layers = sum("weight_hh" in name for name in tensors) // 2
    model = Cloze(len(vocabulary), tensors["rnn.weight_hh_l0"].shape[1],
                  layers)
    model.load_state_dict({name: torch.tensor(array.astype(np.float32))
                           for name, array in tensors.items()})
    return model.eval(), vocabulary


class KneserNey:
    """Interpolated Kneser-Ney over ids; keys are ids of 14 bits put in a row.

    One discount an order, from how many n-grams are seen once and twice.
    """

    BITS = 14

    def __init__(self, encoded, order, start, end):
        self.order, self.start, self.end = order, start, end
        self.words = end + 1
        text = np.concatenate(
            [part for ids in encoded
             for part in ([start] * (order - 1), ids, [end])]).astype(np.int64)
        grams = np.lib.stride_tricks.sliding_window_view(text, order)
        # None across sentences' borders, none of starts alone.
        inner = (grams[:, -1] != start) & (
            (grams[:, :-1] != end).all(1) if order > 1 else True)
        keys, counts = np.unique(self.keys(grams[inner]), return_counts=True)
        self.tables = []
        for n in range(order, 0, -1):
            contexts, index = np.unique(keys >> self.BITS, return_inverse=True)
            once, twice = (counts == 1).sum(), (counts == 2).sum()
            self.tables.append((
                keys, counts, contexts, np.bincount(index, counts),
                np.bincount(index), once / (once + 2 * twice)))
            # Lower orders count in how many contexts an n-gram stands.
            keys, counts = np.unique(keys & ((1 << self.BITS * (n - 1)) - 1),
                                     return_counts=True)

    def keys(self, grams):
        keys = np.zeros(grams.shape[:-1], np.int64)
        for i in range(grams.shape[-1]):
            keys = keys << self.BITS | grams[..., i]
        return keys

    @staticmethod
    def find(table, keys):
        index = np.minimum(np.searchsorted(table, keys), len(table) - 1)
        return index, table[index] == keys

    def probabilities(self, grams):
        """P of the last id given those before it, for each row."""
        result = np.full(grams.shape[:-1], 1 / self.words)
        for n in range(1, self.order + 1):
            table, counts, contexts, totals, kinds, discount = (
                self.tables[self.order - n])
            keys = self.keys(grams[..., self.order - n:])
            context, known = self.find(contexts, keys >> self.BITS)
            index, there = self.find(table, keys)
            count = np.where(there, counts[index] - discount, 0)
            result = np.where(
                known, (count + discount * kinds[context] * result)
                / totals[context], result)
        return result

    def scores(self, ids, place, candidates):
        """log P of the sentence with each candidate there, but a constant."""
        n = self.order
        padded = np.concatenate(
            [[self.start] * (n - 1), ids, [self.end]]).astype(np.int64)
        texts = np.repeat(padded[None], len(candidates), 0)
        texts[:, place + n - 1] = candidates
        grams = np.lib.stride_tricks.sliding_window_view(texts, n, axis=1)
        grams = grams[:, place:place + n]
        return np.log(self.probabilities(grams)).sum(1)


def cloze_items(away, vocabulary, a_source):
    """(source, ids, place, candidates) of held-out sentences.

    One blank each: a word of at least three letters, not of the
    MEASURED_FROM commonest. Candidates: the word, then nine others, drawn from
    the hundred nearest to it by training frequency. Always the same ones.
    """
    chooser = random.Random(1)
    away = list(away)
    chooser.shuffle(away)
    items, left = [], dict.fromkeys(data.SOURCES, a_source)
    for (source, words), ids in zip(away, encode(away, vocabulary)):
        places = [i for i, word in enumerate(words)
                  if ids[i] >= MEASURED_FROM + 2 and len(word) >= 3
                  and word.isalpha()]
        if len(words) < 5 or not places or not left[source]:
            continue
        place = chooser.choice(places)
        truth = int(ids[place])
        low = max(2, min(truth - 50, len(vocabulary) - 101))
        near = [i for i in range(low, low + 101) if i != truth]
        items.append((source, ids, place, [truth] + chooser.sample(near, 9)))
        left[source] -= 1
    return items


def model_scores(model, ids, place):
    """log probabilities [V] for the blank, as served."""
    ids = np.array(ids)
    ids[place] = 1
    where = torch.zeros(1, len(ids), dtype=torch.bool)
    where[0, place] = True
    with torch.no_grad():
        return model(torch.from_numpy(ids)[None], where)[0].log_softmax(
            -1).numpy()


def answers(model, vocabulary, text, candidates):
    """(word, probability) of the candidates, and of the five best words."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    words = text.replace("[ ]", data.BLANK).split()
    scores = model_scores(model, [ids.get(word, 0) for word in words],
                          words.index(data.BLANK))
    best = [vocabulary[i] for i in scores.argsort()[::-1][:5]]
    return [sorted(((word, math.exp(scores[ids[word]])) for word in some),
                   key=lambda pair: -pair[1]) for some in (candidates, best)]


def print_answers(model, vocabulary):
    for text, candidates in SENTENCES:
        print(text)
        for some in answers(model, vocabulary, text, candidates):
            print("  " + "  ".join(f"{word} {p:.2g}" for word, p in some))


def print_choices(who, items, scores):
    """Choosing among 3 and 10 candidates; scores [N, 10], the truth first.

    Equal scores count as a draw.
    """
    sources = np.array([item[0] for item in items])
    chosen = {}
    for count in (3, 10):
        own, others = scores[:, :1], scores[:, 1:count]
        chosen[count] = (others <= own).all(1) / (
            1 + (others == own).sum(1))
    for source in ("all",) + data.SOURCES:
        mask = (sources == source) | (source == "all")
        print(f"{who}, {source} ({mask.sum()}): " + "  ".join(
            f"of {count} {hits[mask].mean():.3f}"
            for count, hits in chosen.items()), flush=True)
    return chosen


def print_whole(who, items, scores):
    """How the truth does among all words; scores are log probabilities."""
    own = scores[np.arange(len(items)), [item[3][0] for item in items]]
    rank = (scores > own[:, None]).sum(1)
    print(f"{who}, whole vocabulary ({len(items)}): "
          f"top 1 {(rank < 1).mean():.3f}  top 5 {(rank < 5).mean():.3f}  "
          f"perplexity {math.exp(-own.mean()):.0f}", flush=True)


def evaluate(folder, options, loaded=None):
    """Prints what the card states, from the saved files."""
    model, vocabulary = load(folder)
    training, away = loaded or data.load_sentences()
    for source in data.SOURCES:
        for name, some in (("trained on", training), ("held out", away)):
            texts = [words for s, words in some if s == source]
            count = sum(map(len, texts))
            known = sum(ids.astype(bool).sum() for ids in encode(
                [(source, words) for words in texts], vocabulary))
            print(f"{source}, {name}: {len(texts)} sentences, {count} words, "
                  f"{known / count:.3f} in the vocabulary")
    print(f"V {len(vocabulary)}; "
          f"{sum(p.numel() for p in model.parameters())} parameters")
    print_answers(model, vocabulary)
    items = cloze_items(away, vocabulary, options.held_out)
    scores = np.stack([model_scores(model, ids, place)
                       for _, ids, place, _ in items])
    candidates = np.array([item[3] for item in items])
    chosen = {"model": print_choices(
        "model", items, np.take_along_axis(scores, candidates, 1))}
    print_whole("model", items, scores)
    some = items[::WHOLE_OF_NGRAMS]
    print_whole("model", some, scores[::WHOLE_OF_NGRAMS])
    encoded = encode(training, vocabulary)
    everything = np.arange(2, len(vocabulary))
    for order in (2, 3, 4):
        who = f"{order}-grams"
        ngrams = KneserNey(encoded, order, len(vocabulary),
                           len(vocabulary) + 1)
        chosen[who] = print_choices(who, items, np.stack(
            [ngrams.scores(ids, place, np.array(words))
             for _, ids, place, words in items]))
        scores = np.full((len(some), len(vocabulary)), -np.inf)
        for row, (_, ids, place, _) in enumerate(some):
            # Over all words that may stand there: what the model gives too.
            likely = ngrams.scores(ids, place, everything)
            likely -= likely.max()
            scores[row, 2:] = likely - np.log(np.exp(likely).sum())
        print_whole(who, some, scores)
    for count in (3, 10):
        for who, hits in chosen.items():
            more = chosen["model"][count] - hits[count]
            print(f"of {count}: {who}, standard error "
                  f"{hits[count].std() / len(items) ** 0.5:.4f}; the model is "
                  f"better by {more.mean():.4f}, standard error "
                  f"{more.std() / len(items) ** 0.5:.4f}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="models/cloze",
                        help="the model's folder (default: %(default)s)")
    parser.add_argument("--evaluate", action="store_true",
                        help="only measure the model that stands in --output")
    parser.add_argument("--export", action="store_true",
                        help="only write the files in --output anew")
    parser.add_argument("--minutes", type=float, default=58,
                        help="to train (default: %(default)s)")
    parser.add_argument("--save-every", type=float, default=4,
                        help="minutes (default: %(default)s)")
    parser.add_argument("--early", type=float, default=0.75,
                        help="share of the minutes with drawn words and many "
                        "blanks (default: %(default)s)")
    parser.add_argument("--drawn", type=int, default=2000)
    parser.add_argument("--batch-words", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--vocabulary", type=int, default=10000)
    parser.add_argument("--hidden", type=int, default=160)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--held-out", type=int, default=1000,
                        help="sentences a source to measure on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    if options.export:
        write_model(options.output, *load(options.output))
        return
    loaded = data.load_sentences()
    if not options.evaluate:
        vocabulary = data.make_vocabulary(loaded[0], options.vocabulary)
        model = Cloze(len(vocabulary), options.hidden, options.layers,
                      options.dropout)
        train(model, encode(loaded[0], vocabulary), options,
              lambda model: write_model(options.output, model, vocabulary))
        write_model(options.output, model, vocabulary)
    evaluate(options.output, options, loaded)


if __name__ == "__main__":
    main()
