// Package worker is the contract between the daemon and the short-lived child
// that does its container work: one Job in, Events out, one Result last.
// It is plain data. It must not know Buildah, the store or the API.
package worker

import (
	"net/netip"
	"time"

	"github.com/kilnhq/kiln/internal/domain/network"
)

// Kind says what a job asks for; exactly the field of Job with the same name is set.
type Kind string

// The kinds of jobs.
const (
	KindBootstrap Kind = "bootstrap" // make an official image from a Debian mirror
	KindImage     Kind = "image"     // build a recipe, run commands in it, keep it or drop it
	KindRun       Kind = "run"       // run a command in an image that is in the store
	KindPush      Kind = "push"      // copy an image of the store to a registry
	KindPull      Kind = "pull"      // copy an image of a registry into the store
	KindRemove    Kind = "remove"    // remove images from the store
	KindSweep     Kind = "sweep"     // remove what dead jobs left in the store; nothing else may run
	KindProbe     Kind = "probe"     // the self-test of `kilnd doctor`
)

// Job is everything that a worker needs to know. It carries no daemon state.
type Job struct {
	ID        string        `json:"id"` // the process's id; names working containers and temporary images
	Kind      Kind          `json:"kind"`
	Network   Network       `json:"network"`
	Timeout   time.Duration `json:"timeout"` // of the whole job; 0 is 60 minutes
	Bootstrap *Bootstrap    `json:"bootstrap,omitempty"`
	Image     *Image        `json:"image,omitempty"`
	Run       *Run          `json:"run,omitempty"`
	Push      *Push         `json:"push,omitempty"`
	Pull      *Pull         `json:"pull,omitempty"`
	Remove    *Remove       `json:"remove,omitempty"`
}

// Egress is what the steps of a job may reach.
type Egress string

// The three egress policies; the zero value is EgressNone.
const (
	EgressNone       Egress = "none"       // loopback of the worker's own namespace only
	EgressRestricted Egress = "restricted" // Allow and nothing else, no name service
	EgressPublic     Egress = "public"     // all but loopback, link-local, metadata and private addresses
)

// Network is the egress policy of a job, with every name already resolved by the daemon.
type Network struct {
	Egress Egress            `json:"egress"`
	Allow  []Allow           `json:"allow,omitempty"` // with restricted only
	Hosts  map[string]string `json:"hosts,omitempty"` // name to address: the worker's /etc/hosts
}

// Allow opens one port (0 is all ports) of one address range.
type Allow struct {
	Prefix netip.Prefix `json:"prefix"`
	Port   uint16       `json:"port"`
}

// HostName is the name by which a step reaches the machine that the daemon runs on.
const HostName = network.HostName

// HostAddress is the address behind HostName, as seen from inside a worker.
const HostAddress = "10.0.2.2"

// Bootstrap makes a base image with mmdebstrap or, when it has a Repository, with dnf.
type Bootstrap struct {
	Tag        string            `json:"tag"` // the name in the store, e.g. localhost/kiln/NAME:VERSION
	Suite      string            `json:"suite"`
	Mirrors    []string          `json:"mirrors"` // apt source lines or mirror URLs, first is the main one
	Components []string          `json:"components"`
	Include    []string          `json:"include"`
	Setup      []string          `json:"setup,omitempty"` // shell commands before anything is installed, run with the root's path as $1
	Customize  []string          `json:"customize"`       // shell commands at the end, run with the root's path as $1
	Env        map[string]string `json:"env"`
	Labels     map[string]string `json:"labels"`
	Repository string            `json:"repository,omitempty"` // text of a repository file: all that rpm packages come from
	Epoch      time.Time         `json:"epoch"`
	Cache      string            `json:"cache"` // directory for finished root tars, shared by daemons; empty is none
}

// Image builds a Containerfile on a base that is in the store, runs commands in the result, and reports what is in it.
type Image struct {
	Containerfile string            `json:"containerfile"`
	Base          *Base             `json:"base,omitempty"`   // what FROM names, for this job alone; nil: it is in the store
	Files         map[string]string `json:"files,omitempty"`  // name in the build context to absolute path readable by the daemon
	Trees         map[string][]Node `json:"trees,omitempty"`  // name in the build context to what the archive of that name has
	Mounts        map[string]string `json:"mounts,omitempty"` // path in the container to content: visible to install steps, in no layer
	Labels        map[string]string `json:"labels,omitempty"`
	Epoch         time.Time         `json:"epoch"`              // no file or layer of the result is newer
	Tag           string            `json:"tag,omitempty"`      // keep the result under this name; empty: drop it at the end
	Check         bool              `json:"check,omitempty"`    // compare the packages with the base's, and refuse what pip finds in conflict
	Expect        []Package         `json:"expect,omitempty"`   // fail when the result has other packages
	Previous      string            `json:"previous,omitempty"` // id of what the same recipe has given before: the log says which files differ
	Commands      []Command         `json:"commands,omitempty"`
	StepTimeout   time.Duration     `json:"step_timeout"` // of each install step and command; 0 is 10 minutes
	TimeZone      string            `json:"time_zone,omitempty"`
}

// Base is an image from outside, as the dir transport of container tools has one. Nobody has looked into its layers.
type Base struct {
	Dir      string `json:"dir"`       // absolute path, readable by the daemon
	Digest   string `json:"digest"`    // of its manifest
	MaxBytes int64  `json:"max_bytes"` // unpacked, all layers together
	Needs    []Need `json:"needs,omitempty"`
}

// Need is something of which an image must have one program.
type Need struct {
	Name     string   `json:"name"`     // for messages
	Programs []string `json:"programs"` // absolute paths, or names that are looked for where the image's PATH says
}

// Node is a file or a symbolic link in an archive; exactly one of File and Link is set.
type Node struct {
	Path string `json:"path"`           // relative, with slashes
	File string `json:"file,omitempty"` // absolute path of the content, readable by the daemon
	Mode uint32 `json:"mode,omitempty"` // permissions of a file
	Link string `json:"link,omitempty"`
}

// Command is one command that runs in a container of its own.
type Command struct {
	Name string            `json:"name"` // shown as the step, e.g. test[0] or smoke/python3
	Argv []string          `json:"argv"`
	Env  map[string]string `json:"env,omitempty"`
}

// Run runs one command in an image of the store; its output arrives as log events, its exit code in Result.
type Run struct {
	Image       string        `json:"image"` // name or id in the store
	Command     Command       `json:"command"`
	StepTimeout time.Duration `json:"step_timeout"`
	TimeZone    string        `json:"time_zone,omitempty"`
}

// Push copies an image to a registry and reads the manifest back.
type Push struct {
	Image       string `json:"image"`       // name or id in the store
	Destination string `json:"destination"` // HOST:PORT/REPOSITORY:TAG, as seen from inside the worker
	Username    string `json:"username,omitempty"`
	Password    string `json:"password,omitempty"`
	PlainHTTP   bool   `json:"plain_http,omitempty"`
	CACert      string `json:"ca_cert,omitempty"` // PEM: trusted for this registry besides the system's
}

// Pull copies an image from a registry into the store.
type Pull struct {
	Source    string `json:"source"` // HOST:PORT/REPOSITORY@DIGEST or :TAG
	Tag       string `json:"tag"`    // the name in the store
	Username  string `json:"username,omitempty"`
	Password  string `json:"password,omitempty"`
	PlainHTTP bool   `json:"plain_http,omitempty"`
	CACert    string `json:"ca_cert,omitempty"` // PEM: trusted for this registry besides the system's
}

// Remove removes images by name or id; one that is not there is no error.
type Remove struct {
	Images []string `json:"images"`
}
