package server

import (
	"context"
	"io"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// FileStore keeps the contents of files, named by their SHA-256 in hexadecimal digits. Save reads to the end, refuses a content
// with another sum, and keeps nothing then; errors of the reader come back wrapped.
type FileStore interface {
	Missing(ctx context.Context, sha256 []string) ([]string, error)
	Save(ctx context.Context, sha256 string, content io.Reader) (size int64, err error)
}

// FindMissingFiles says which contents the daemon does not have.
func (h imageHandler) FindMissingFiles(
	ctx context.Context, r *connect.Request[kilnv1.FindMissingFilesRequest],
) (*connect.Response[kilnv1.FindMissingFilesResponse], error) {
	missing, err := h.files.Missing(ctx, r.Msg.GetSha256())
	return answer(&kilnv1.FindMissingFilesResponse{Sha256: missing}, err)
}

// UploadFile takes one content.
func (h imageHandler) UploadFile(
	ctx context.Context, stream *connect.ClientStream[kilnv1.UploadFileRequest],
) (*connect.Response[kilnv1.UploadFileResponse], error) {
	content := &upload{stream: stream}
	sha256, err := content.begin()
	if err != nil {
		return nil, err
	}
	size, err := h.files.Save(ctx, sha256, content)
	if err != nil {
		content.drain()
		return nil, err
	}
	return answer(&kilnv1.UploadFileResponse{SizeBytes: size}, nil)
}

// upload reads the content out of the messages.
type upload struct {
	stream *connect.ClientStream[kilnv1.UploadFileRequest]
	data   []byte // received and not yet read
}

// begin reads the first message.
func (u *upload) begin() (sha256 string, err error) {
	if !u.stream.Receive() {
		if err := u.stream.Err(); err != nil {
			return "", err
		}
		return "", problem.Problem{
			Code: problem.MissingRequired, Field: "sha256", Limit: "64 hexadecimal digits", Remedy: "Name the content in the first message.",
		}
	}
	u.data = u.stream.Msg().GetData()
	return u.stream.Msg().GetSha256(), nil
}

// Read gives the content, and io.EOF only when the client has closed the stream.
func (u *upload) Read(p []byte) (int, error) {
	for len(u.data) == 0 {
		if !u.stream.Receive() {
			if err := u.stream.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		u.data = u.stream.Msg().GetData()
	}
	n := copy(p, u.data)
	u.data = u.data[n:]
	return n, nil
}

// drain reads what is left: a client that still sends over HTTP/1 would otherwise lose the connection before it reads the
// refusal. Ours sends no more than a file may have.
func (u *upload) drain() {
	_, _ = io.CopyN(io.Discard, u, recipe.MaxFileSize) // the refusal is the error
}
