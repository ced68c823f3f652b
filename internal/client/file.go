package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kilnhq/kiln/internal/domain/problem"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// chunk is how much of a file travels in one message, in bytes: well below the daemon's limit of a message.
const chunk = 256 << 10

// MissingFiles says which of the contents, named by their SHA-256 in hexadecimal digits, the daemon does not have.
func (c *Client) MissingFiles(ctx context.Context, sha256 []string) ([]string, error) {
	answer, err := call(ctx, c, c.image.FindMissingFiles, &kilnv1.FindMissingFilesRequest{Sha256: sha256})
	return answer.GetSha256(), err
}

// UploadFile sends one content. The daemon refuses one whose SHA-256 is not the given one, and one that is too large.
func (c *Client) UploadFile(ctx context.Context, sha256 string, content io.Reader) error {
	// Ends the request when reading the content fails: closing the stream would pass for the content's end.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := c.image.UploadFile(ctx)
	err := stream.Send(&kilnv1.UploadFileRequest{Sha256: sha256})
	buffer := make([]byte, chunk)
	for sent := 0; err == nil; {
		n, readErr := io.ReadFull(content, buffer)
		if sent += n; sent > c.largest {
			return problem.Problem{
				Code: problem.FileTooLarge, Field: "files", Value: sha256, Limit: fmt.Sprintf("%d MiB", c.largest>>20),
				Remedy: "Use a smaller file, or fetch it in a script.",
			}
		}
		if n > 0 {
			err = stream.Send(&kilnv1.UploadFileRequest{Data: buffer[:n]})
		}
		if errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF) {
			break
		}
		if readErr != nil {
			return fmt.Errorf("read content %s: %w", sha256, readErr)
		}
	}
	// A failed Send says only that the daemon has answered; the answer itself says why.
	if _, err := stream.CloseAndReceive(); err != nil {
		return c.failure(ctx, err)
	}
	return nil
}
