// Calls an unroll server: a whole sequence, then one whose steps come over time.
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const definition = loader.loadSync("unroll/v1/sequence_inference.proto", {
  includeDirs: [path.join(__dirname, "../../../proto")],
  keepCase: true,
  enums: String,
  longs: Number,
  defaults: true,
});
const { SequenceInference } = grpc.loadPackageDefinition(definition).unroll.v1;
const client = new SequenceInference(process.argv[2],
  grpc.credentials.createInsecure(),
  // As large as the server's answers may be by default.
  { "grpc.max_receive_message_length": 16 << 20 });

// The elements of a tensor, whose shape says where rows end.
function floats(tensor) {
  return new Float32Array(Uint8Array.from(tensor.data).buffer);
}

function predict() {
  const request = {
    model: "langid",
    sequences: [{ text: "guten Morgen" }],
    outputs: { top_k: 1 },
  };
  return new Promise((resolve, reject) => {
    client.Predict(request, { deadline: Date.now() + 60_000 }, (error, reply) => {
      if (error) return reject(error); // error.code is gRPC's
      const { scores, top } = reply.results[0];
      const best = top.at(-1).classes[0]; // after the last step
      const last = floats(scores).subarray(-scores.shape[1]);
      console.log(scores.shape.join(" "), best.label, last[best.class] === best.score);
      resolve();
    });
  });
}

async function live() {
  const stream = client.Live({ deadline: Date.now() + 60_000 });
  stream.write({
    open: {
      model: "langid",
      outputs: { results: ["TOP", "STATE_TOKEN"], top_k: 1 },
    },
  });
  for (const letter of "guten") stream.write({ text: letter });
  stream.end();
  for await (const message of stream) {
    message.steps.forEach((step, i) => {
      console.log(step, message.top[i].classes[0].label);
    });
    if (message.final) { // its token goes on, here or at another server
      console.log(message.final.steps_done, "steps,",
        message.final.state_token.length > 0);
    }
  }
}

predict().then(live).then(() => client.close()).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
