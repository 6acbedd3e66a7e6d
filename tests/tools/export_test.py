#!/usr/bin/python3
"""tools/export.py: what it writes, and what it refuses.

  /usr/bin/python3 tests/tools/export_test.py

What was written is read back and run by folder.py, which shares nothing with
it. Needs Debian's python3-torch.
"""

import contextlib
import io
import os
import sys
import tempfile
import unittest

import numpy as np

from folder import Folder

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
import export as exporter  # noqa: E402  folder.py knows where tools/ is
import safetensors_file  # noqa: E402

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
    print("NOT TESTED: export() without PyTorch; apt-get install "
          "python3-torch libopenblas0-pthread", file=sys.stderr)

TOLERANCE = 1e-6


@unittest.skipIf(torch is None, "NOT TESTED: python3-torch is missing")
class ExportTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.work = work.name
        self.count = 0

    def export(self, *, directory=None, **arguments):
        """Writes a folder; returns it as read back, its example checked."""
        self.count += 1
        directory = directory or f"{self.work}/m/{self.count}"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exporter.export(directory, **arguments)
        self.printed = printed.getvalue()
        folder = Folder(directory)
        if folder.example is not None:
            self.assertLess(folder.error(), TOLERANCE)
        return folder

    def refused(self, message, **arguments):
        """Refused with that in the message, and nothing is left behind."""
        before = sorted(os.listdir(self.work))
        with self.assertRaisesRegex(exporter.ExportError, message):
            exporter.export(f"{self.work}/refused", **arguments)
        self.assertEqual(sorted(os.listdir(self.work)), before)


class TestWhatIsWritten(ExportTest):
    def test_a_bare_rnn(self):
        rnn = nn.RNN(3, 4, 2, bidirectional=True, dropout=0.5)
        folder = self.export(rnn=rnn)
        self.assertEqual(folder.config, {"nonlinearity": "tanh"})
        self.assertEqual(set(folder.weights),
                         {f"rnn.{name}" for name in rnn.state_dict()})
        for name, weight in rnn.state_dict().items():
            np.testing.assert_array_equal(folder.weights[f"rnn.{name}"],
                                          weight.numpy())
        self.assertEqual(folder.example["input"].shape, (1, 8, 3))
        self.assertEqual(sorted(os.listdir(f"{self.work}/m/1")),
                         ["config.json", "example.safetensors",
                          "model.safetensors"])
        self.assertEqual(len(self.printed.splitlines()), 2)

    def test_modules_stay_as_they_are(self):
        rnn, head = nn.RNN(3, 4, batch_first=False), nn.Linear(4, 2)
        before = {name: weight.clone()
                  for name, weight in rnn.state_dict().items()}
        self.export(rnn=rnn, head=head, dtype="float16")
        self.assertTrue(rnn.training and head.training and not rnn.batch_first)
        for name, weight in rnn.state_dict().items():
            self.assertEqual(weight.dtype, torch.float32)
            self.assertTrue(torch.equal(weight, before[name]))

    def test_nonlinearity_and_bias_are_read(self):
        folder = self.export(rnn=nn.RNN(3, 4, nonlinearity="relu", bias=False))
        self.assertEqual(folder.config["nonlinearity"], "relu")
        self.assertEqual(len(folder.weights), 2)

    def test_rnn_cell(self):
        for bias in (True, False):
            folder = self.export(rnn=nn.RNNCell(3, 4, bias, "relu"),
                                 example=torch.randn(2, 5, 3))
            self.assertEqual(folder.config, {"nonlinearity": "relu"})
            self.assertIn("rnn.weight_ih_l0", folder.weights)
            self.assertEqual(folder.example["hidden"].shape, (2, 5, 4))

    def test_stacked_rnns(self):
        folder = self.export(
            rnn=[nn.RNN(3, 4, bidirectional=True), nn.RNN(
                8, 4, 2, bidirectional=True, batch_first=True)],
            head=nn.Linear(8, 2), applied_to="h_n",
            h_0=torch.randn(6, 2, 4), example=torch.randn(2, 5, 3))
        self.assertEqual(folder.config["tensors"],
                         {"rnn": ["rnn.0.", "rnn.1."]})
        self.assertEqual(folder.example["h_n"].shape, (6, 2, 4))

    def test_every_head(self):
        scores = {}
        rnn, head = nn.RNN(3, 4, bidirectional=True), nn.Linear(8, 5)
        for applied_to in ("each_step", "last_step", "h_n", "mean", "max"):
            for activation in ("identity", "tanh", "relu", "sigmoid",
                               "softmax", "log_softmax"):
                folder = self.export(rnn=rnn, head=head, activation=activation,
                                     applied_to=applied_to,
                                     example=torch.randn(2, 6, 3))
                self.assertEqual(folder.config["head"],
                                 {"activation": activation,
                                  "applied_to": applied_to})
                scores[applied_to, activation] = folder.example["scores"]
        self.assertEqual(scores["each_step", "tanh"].shape, (2, 6, 5))
        self.assertEqual(scores["max", "tanh"].shape, (2, 5))

    def test_head_defaults(self):
        folder = self.export(rnn=nn.RNN(3, 4), head=nn.Linear(4, 5))
        self.assertEqual(folder.config["head"], {
            "activation": "identity", "applied_to": "each_step"})

    def test_a_head_of_several_layers(self):
        relu = nn.ReLU()  # one module in two places
        head = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(4, 6), relu,
            nn.Sequential(nn.Linear(6, 6, bias=False), relu), nn.Identity(),
            nn.Linear(6, 3))
        folder = self.export(rnn=nn.RNN(3, 4), head=head, applied_to="max",
                             activation="log_softmax")
        self.assertEqual(folder.config["head"], {
            "applied_to": "max",
            "layers": [{"tensors": "head.1.", "activation": "relu"},
                       {"tensors": "head.3.0.", "activation": "relu"},
                       {"tensors": "head.5.", "activation": "log_softmax"}]})

    def test_a_sequential_of_one_linear(self):
        folder = self.export(rnn=nn.RNN(3, 4), applied_to="last_step",
                             head=nn.Sequential(nn.Dropout(), nn.Linear(4, 2),
                                                nn.Softmax(dim=1)))
        self.assertEqual(folder.config["head"], {
            "activation": "softmax", "applied_to": "last_step"})
        self.assertIn("head.weight", folder.weights)

    def test_normalization(self):
        mean, std = [0.1, 20, -300], torch.tensor([1.0, 0.3, 1e4])
        folder = self.export(rnn=nn.RNN(3, 4), mean=mean, std=std)
        self.assertEqual(folder.config["input"],
                         {"mean": [0.1, 20.0, -300.0],
                          "std": [1.0, 0.3, 1e4]})
        folder = self.export(rnn=nn.RNN(3, 4), std=0.1)
        self.assertEqual(folder.config["input"], {"mean": 0.0, "std": 0.1})

    def test_tokens_without_a_vocabulary(self):
        folder = self.export(rnn=nn.RNN(3, 4), embedding=nn.Embedding(
            7, 3, padding_idx=0), example=[3, 1, 6])
        self.assertEqual(folder.example["tokens"].dtype, np.int64)
        self.assertEqual(folder.example["h_n"].shape, (1, 4))
        self.assertEqual(folder.example["hidden"].shape, (3, 4))

    def test_vocabulary_and_labels(self):
        tokens = ["<u>", "a b", "\n", "\t", "\\n", "[x]", "é", "z"]
        folder = self.export(
            rnn=nn.RNN(3, 4), embedding=nn.Embedding(8, 3),
            head=nn.Linear(4, 2), unknown_token="<u>", labels=["no", "yes\n"],
            vocabulary={token: index for index, token in
                        reversed(list(enumerate(tokens)))},
            blank_token="[x]", example=["z é[ ]what", " z\u3000é [ ] \x1c"])
        self.assertEqual(folder.vocabulary, tokens)
        self.assertEqual(folder.labels, ["no", "yes\n"])
        self.assertEqual(
            {key: folder.config[key] for key in
             ("vocabulary", "labels", "tokenizer", "unknown_token",
              "blank_token")},
            {"vocabulary": "vocab.txt", "labels": "labels.txt",
             "tokenizer": "words", "unknown_token": "<u>",
             "blank_token": "[x]"})
        np.testing.assert_array_equal(folder.example["tokens"],
                                      [[7, 6, 5, 0], [7, 6, 5, 0]])

    def test_one_hot_characters(self):
        folder = self.export(rnn=nn.RNN(4, 5), vocabulary=list("ab \n"),
                             tokenizer="characters", example="a b\n")
        np.testing.assert_array_equal(folder.example["tokens"], [0, 2, 1, 3])
        self.assertNotIn("embedding.weight", folder.weights)

    def test_tied_weights_are_written_once(self):
        embedding, head = nn.Embedding(50, 8), nn.Linear(8, 50, bias=False)
        head.weight = embedding.weight
        folder = self.export(rnn=nn.RNN(8, 8), embedding=embedding, head=head)
        path = f"{self.work}/m/{self.count}/model.safetensors"
        with open(path, "rb") as file:
            self.assertIn(b'"__metadata__":{"head.weight":"embedding.weight"}',
                          file.read(200))
        self.assertLess(os.path.getsize(path), (50 * 8 * 1.6 + 150) * 4)
        np.testing.assert_array_equal(folder.weights["head.weight"],
                                      embedding.weight.detach().numpy())

    def test_tied_directions(self):
        rnn = nn.RNN(3, 4, bidirectional=True)
        rnn.weight_ih_l0_reverse = rnn.weight_ih_l0
        folder = self.export(rnn=rnn)
        np.testing.assert_array_equal(
            folder.weights["rnn.weight_ih_l0_reverse"],
            rnn.weight_ih_l0.detach().numpy())

    def test_half_precision(self):
        rnn = nn.RNN(3, 16)
        for dtype, bits in (("float16", 11), (torch.bfloat16, 8)):
            folder = self.export(rnn=rnn, dtype=dtype)
            want = rnn.weight_hh_l0.detach().numpy()
            got = folder.weights["rnn.weight_hh_l0"]
            self.assertTrue((got != want).any())
            np.testing.assert_allclose(got, want, rtol=2.0 ** -bits)

    def test_modules_of_other_types_are_rounded_to_float32(self):
        self.export(rnn=nn.RNN(3, 4).double(), head=nn.Linear(4, 2).half())

    def test_an_example_with_a_state_and_without_a_batch(self):
        folder = self.export(rnn=nn.RNN(3, 4, 2), head=nn.Linear(4, 2),
                             example=torch.randn(5, 3, requires_grad=True),
                             h_0=torch.randn(2, 4))
        self.assertEqual({name: array.shape
                          for name, array in folder.example.items()},
                         {"input": (5, 3), "h_0": (2, 4), "hidden": (5, 4),
                          "h_n": (2, 4), "scores": (5, 2)})

    def test_no_example(self):
        folder = self.export(rnn=nn.RNN(3, 4), example=False)
        self.assertIsNone(folder.example)

    def test_a_made_example_stays_small(self):
        folder = self.export(rnn=nn.RNN(2, 1000), head=nn.Linear(1000, 30000))
        self.assertEqual(folder.example["scores"].shape, (1, 2, 30000))
        folder = self.export(rnn=nn.RNN(2, 1000), head=nn.Linear(1000, 3))
        self.assertNotIn("hidden", folder.example)

    def test_overwriting(self):
        directory = f"{self.work}/model"
        self.export(rnn=nn.RNN(3, 4), head=nn.Linear(4, 1), labels=["x"],
                    directory=directory)
        with open(f"{directory}/README.md", "w") as file:
            file.write("mine")
        with self.assertRaisesRegex(exporter.ExportError, "overwrite=True"):
            self.export(rnn=nn.RNN(3, 5), directory=directory)
        folder = self.export(rnn=nn.RNN(3, 5), directory=directory,
                             overwrite=True)
        self.assertIsNone(folder.labels)
        self.assertEqual(sorted(os.listdir(directory)),
                         ["README.md", "config.json", "example.safetensors",
                          "model.safetensors"])
        self.assertEqual(os.listdir(self.work), ["model"])

    def test_an_empty_directory_is_taken(self):
        os.mkdir(f"{self.work}/empty")
        self.export(rnn=nn.RNN(3, 4), directory=f"{self.work}/empty")

    def test_langid_is_what_its_script_writes(self):
        with tempfile.TemporaryDirectory() as output:
            import train_langid
            model, vocabulary = train_langid.load(f"{ROOT}/models/langid")
            with contextlib.redirect_stdout(io.StringIO()):
                train_langid.save(model, vocabulary, output)
            for name in os.listdir(f"{ROOT}/models/langid/1"):
                if name == "example.safetensors":
                    continue  # the last bits may differ
                with open(f"{ROOT}/models/langid/1/{name}", "rb") as want, \
                        open(f"{output}/1/{name}", "rb") as got:
                    self.assertEqual(want.read(), got.read(), name)


class TestWhatIsRefused(ExportTest):
    def test_other_cells(self):
        for cell in (nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell):
            self.refused(f"is a {cell.__name__}: only nn.RNN", rnn=cell(3, 4))
        self.refused("is a Linear, expected an nn.RNN", rnn=nn.Linear(3, 4))
        self.refused("empty list", rnn=[])

    def test_a_forward_of_its_own(self):
        class Residual(nn.RNN):
            def forward(self, x, h=None):
                out, h = super().forward(x, h)
                return out + x, h
        self.refused("Residual has a forward", rnn=Residual(4, 4))

        class Scaled(nn.Sequential):
            def forward(self, x):
                return 2 * super().forward(x)
        self.refused("head is a Scaled", rnn=nn.RNN(3, 4),
                     head=Scaled(nn.Linear(4, 2)))

        class Noisy(nn.Dropout):
            def forward(self, x):
                return nn.functional.dropout(x, training=True)
        self.refused("head.0 is a Noisy", rnn=nn.RNN(3, 4),
                     head=nn.Sequential(Noisy(), nn.Linear(4, 2)))

    def test_hooks_and_parametrizations(self):
        self.refused("weight_norm", rnn=nn.RNN(3, 4),
                     head=nn.utils.weight_norm(nn.Linear(4, 2)))
        head = nn.Sequential(nn.Linear(4, 2))
        head.register_forward_hook(lambda module, x, y: y + 1)
        self.refused("head has hooks", rnn=nn.RNN(3, 4), head=head)
        self.refused("weight_norm", rnn=nn.utils.weight_norm(
            nn.RNN(3, 4), "weight_hh_l0"))
        self.refused("parametrizations", rnn=nn.RNN(3, 4),
                     head=nn.utils.parametrizations.spectral_norm(
                         nn.Linear(4, 2)))

    def test_stacks_that_do_not_fit(self):
        self.refused("nonlinearities: tanh, relu",
                     rnn=[nn.RNN(3, 4), nn.RNN(4, 4, nonlinearity="relu")])
        self.refused("hidden_size 5 and 1", rnn=[nn.RNN(3, 4), nn.RNN(4, 5)])
        self.refused("4 and 2 direction", rnn=[
            nn.RNN(3, 4), nn.RNN(4, 4, bidirectional=True)])
        self.refused("rnn 1 reads 3", rnn=[nn.RNN(3, 4), nn.RNN(3, 4)])

    def test_embeddings(self):
        self.refused("max_norm", rnn=nn.RNN(3, 4),
                     embedding=nn.Embedding(7, 3, max_norm=1))
        self.refused("EmbeddingBag", rnn=nn.RNN(3, 4),
                     embedding=nn.EmbeddingBag(7, 3))
        self.refused("gives 5 numbers, but the rnn's input_size is 3",
                     rnn=nn.RNN(3, 4), embedding=nn.Embedding(7, 5))

    def test_heads(self):
        def refused(message, *modules, **arguments):
            self.refused(message, rnn=nn.RNN(3, 4),
                         head=nn.Sequential(*modules), **arguments)
        refused("head.1 is a BatchNorm1d.*fuse_linear_bn_eval",
                nn.Linear(4, 2), nn.BatchNorm1d(2))
        refused("LayerNorm", nn.LayerNorm(4), nn.Linear(4, 2))
        refused("head.0 is a Conv1d.*client", nn.Conv1d(4, 2, 1))
        refused("GELU", nn.Linear(4, 2), nn.GELU())
        refused("head.0, Tanh, stands behind nothing", nn.Tanh(),
                nn.Linear(4, 2))
        refused("Tanh, stands behind ReLU", nn.Linear(4, 2), nn.ReLU(),
                nn.Tanh())
        refused("softmax inside the head", nn.Linear(4, 2), nn.Softmax(-1),
                nn.Linear(2, 2))
        refused("dim=1: it has to be over the classes", nn.Linear(4, 2),
                nn.Softmax(dim=1))
        refused("dim=None", nn.Linear(4, 2), nn.Softmax())
        refused("no Linear", nn.Dropout())
        refused("no Linear")
        refused("leave one out", nn.Linear(4, 2), nn.Softmax(-1),
                activation="softmax")
        refused("head.0.weight reads 5 numbers, but gets 4", nn.Linear(5, 3),
                nn.Linear(3, 2))
        self.refused("head.weight reads 5 numbers, but gets 4",
                     rnn=nn.RNN(3, 4), head=nn.Linear(5, 3))
        self.refused("is 'gelu', expected one of", rnn=nn.RNN(3, 4),
                     head=nn.Linear(4, 2), activation="gelu")
        self.refused("applied_to is 'first'", rnn=nn.RNN(3, 4),
                     head=nn.Linear(4, 2), applied_to="first")
        self.refused("need a head", rnn=nn.RNN(3, 4), activation="tanh")
        self.refused("need a head", rnn=nn.RNN(3, 4), applied_to="max")

    def test_normalization(self):
        rnn = nn.RNN(3, 4)
        self.refused(r"std has the shape \[2\]", rnn=rnn, std=[1, 2])
        self.refused("above 0", rnn=rnn, std=[1, 0, 1])
        self.refused("mean is not finite", rnn=rnn, mean=float("nan"))
        self.refused("the input is tokens", rnn=rnn, mean=1,
                     embedding=nn.Embedding(5, 3))
        self.refused("the input is tokens", rnn=rnn, mean=1,
                     vocabulary=["a", "b", "c"])

    def test_texts(self):
        rnn, head = nn.RNN(3, 4), nn.Linear(4, 2)
        self.refused("2 tokens, expected 3.*one-hot", rnn=rnn,
                     vocabulary=["a", "b"])
        self.refused("2 tokens, expected 7, the embedding's rows", rnn=rnn,
                     embedding=nn.Embedding(7, 3), vocabulary=["a", "b"])
        self.refused("entry 2, 'a', repeats 0", rnn=rnn,
                     vocabulary=["a", "b", "a"])
        self.refused("entry 1 is ''", rnn=rnn, vocabulary=["a", "", "c"])
        self.refused("entry 1 is 5", rnn=rnn, vocabulary=["a", 5, "c"])
        self.refused("not Unicode", rnn=rnn, vocabulary=["a", "\ud800", "c"])
        self.refused("is a string", rnn=rnn, vocabulary="abc")
        self.refused("0 to 2, each once", rnn=rnn,
                     vocabulary={"a": 0, "b": 1, "c": 3})
        self.refused("'x' is not in the vocabulary", rnn=rnn,
                     vocabulary=["a", "b", "c"], unknown_token="x")
        self.refused("blank_token needs a vocabulary", rnn=rnn,
                     blank_token="x")
        self.refused("tokenizer is 'bpe'", rnn=rnn, tokenizer="bpe",
                     vocabulary=["a", "b", "c"])
        self.refused("labels need a head", rnn=rnn, labels=["a"])
        self.refused("labels: 3, expected 2", rnn=rnn, head=head,
                     labels=["a", "b", "c"])
        self.refused("labels: entry 1, 'a', repeats", rnn=rnn, head=head,
                     labels=["a", "a"])

    def test_examples(self):
        rnn = nn.RNN(3, 4)
        tokens = {"rnn": rnn, "embedding": nn.Embedding(7, 3)}
        self.refused("expected features", rnn=rnn, example=torch.randn(5, 4))
        self.refused("expected features", rnn=rnn, example=torch.randn(3))
        self.refused("nothing in it", rnn=rnn, example=torch.randn(0, 3))
        self.refused("4097 steps", rnn=rnn, example=torch.randn(4097, 3))
        self.refused("expected ids", example=torch.randn(5), **tokens)
        self.refused("0 to 7, expected 0 to 6", example=[0, 7], **tokens)
        self.refused("need a vocabulary", example=["a"], **tokens)
        words = {"rnn": rnn, "vocabulary": ["a", "b", "c"]}
        self.refused("'x' is not in the vocabulary, and there is no "
                     "unknown_token", example="a x", **words)
        self.refused(r"texts of \[1, 2\] tokens", example=["a", "a b"],
                     **words)
        self.refused(r"h_0 is \[1, 4\], expected \[1, 1, 4\]", rnn=rnn,
                     h_0=torch.zeros(1, 4))
        growing = nn.RNN(1, 1, nonlinearity="relu", bias=False)
        for weight in growing.parameters():
            nn.init.constant_(weight, 1e9)
        self.refused("hidden is not finite", rnn=growing,
                     example=torch.full((9, 1), 1.0))

    def test_weights(self):
        rnn = nn.RNN(3, 4)
        nn.init.constant_(rnn.bias_hh_l0, 1e5)
        self.refused("rnn.bias_hh_l0 is not finite in float16", rnn=rnn,
                     dtype="float16")
        self.refused("dtype is 'int8'", rnn=rnn, dtype="int8")
        nn.init.constant_(rnn.bias_hh_l0, float("nan"))
        self.refused("not finite", rnn=rnn)

    def test_a_file_in_the_way(self):
        with open(f"{self.work}/file", "w"):
            pass
        with self.assertRaisesRegex(exporter.ExportError, "not a directory"):
            exporter.export(f"{self.work}/file", rnn=nn.RNN(3, 4))


if __name__ == "__main__":
    unittest.main()
