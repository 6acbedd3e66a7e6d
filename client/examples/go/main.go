// Calls an unroll server: a whole sequence, then one whose steps come over time.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "example/unroll"
)

func check(err error) {
	if err != nil {
		log.Fatal(err) // gRPC's code and the server's message
	}
}

// floats gives the elements of a tensor, whose shape says where rows end.
func floats(tensor *pb.Tensor) []float32 {
	values := make([]float32, len(tensor.Data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(tensor.Data[4*i:]))
	}
	return values
}

func predict(ctx context.Context, client pb.SequenceInferenceClient) {
	reply, err := client.Predict(ctx, &pb.PredictRequest{
		Model:     "langid",
		Sequences: []*pb.Sequence{{Input: &pb.Sequence_Text{Text: "guten Morgen"}}},
		Outputs:   &pb.Outputs{TopK: 1},
	})
	check(err)
	result := reply.Results[0]
	best := result.Top[len(result.Top)-1].Classes[0] // after the last step
	row := floats(result.Scores)[int64(len(result.Top)-1)*result.Scores.Shape[1]:]
	fmt.Println(result.Scores.Shape, best.Label, row[best.Class] == best.Score)
}

func live(ctx context.Context, client pb.SequenceInferenceClient) {
	stream, err := client.Live(ctx)
	check(err)
	check(stream.Send(&pb.LiveRequest{Open: &pb.LiveOpening{
		Model:   "langid",
		Outputs: &pb.Outputs{Results: []pb.Result{pb.Result_TOP, pb.Result_STATE_TOKEN}, TopK: 1},
	}}))
	for _, letter := range "guten" {
		check(stream.Send(&pb.LiveRequest{Input: &pb.LiveRequest_Text{Text: string(letter)}}))
	}
	check(stream.CloseSend())
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return
		}
		check(err)
		for i, step := range message.Steps {
			fmt.Println(step, message.Top[i].Classes[0].Label)
		}
		if message.Final != nil { // its token goes on, here or at another server
			fmt.Println(message.Final.StepsDone, "steps,", len(message.Final.StateToken) > 0)
		}
	}
}

func main() {
	connection, err := grpc.NewClient(os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// As large as the server's answers may be by default.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	check(err)
	defer connection.Close()
	client := pb.NewSequenceInferenceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	predict(ctx, client)
	live(ctx, client)
}
