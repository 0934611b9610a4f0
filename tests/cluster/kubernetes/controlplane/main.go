// Command controlplane is etcd, kube-apiserver and kube-controller-manager in one process.
//
//	controlplane -data DIR -etcd-port PORT [-unsafe-no-fsync] [-gate FILE]
//	    -- KUBE-APISERVER FLAGS -- KUBE-CONTROLLER-MANAGER FLAGS
//
// kube-controller-manager starts once the file of -gate exists: its garbage collector and its quotas look for new
// kinds only every 30 seconds, so it had better start after the CustomResourceDefinitions are there.
// Its state is the data directory alone: killed at any moment and started again with the same arguments, it
// goes on where it was.
package main

import (
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// separator stands between the flags of the programs.
const separator = "--"

func main() {
	log.SetFlags(0)
	log.SetPrefix("controlplane: ")
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	store, gate, rest, err := parse(arguments)
	if err != nil {
		return err
	}
	cut := slices.Index(rest, separator)
	if cut < 0 {
		return errors.New("the flags of kube-controller-manager are missing: a second -- goes before them")
	}
	// Both programs configure the one logger of the process; the second would refuse to.
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	logs.InitLogs()
	defer logs.FlushLogs()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	etcd, err := start(store)
	if err != nil {
		return err
	}
	defer etcd.Close()
	manager := managing(rest[cut+1:])
	ended := make(chan error, 2)
	go func() { ended <- serve(rest[:cut], etcd) }()
	go func() { ended <- control(manager, rest[:cut], gate) }()
	select {
	case <-stop:
		return nil
	case err := <-ended:
		return err
	}
}

func parse(arguments []string) (store storage, gate string, rest []string, err error) {
	flags := flag.NewFlagSet("controlplane", flag.ContinueOnError)
	flags.StringVar(&store.directory, "data", "", "directory of etcd")
	flags.IntVar(&store.port, "etcd-port", 0, "port of etcd on loopback")
	flags.BoolVar(&store.unsafeNoFsync, "unsafe-no-fsync", false, "leave writing to disk to the operating system")
	flags.StringVar(&gate, "gate", "", "file without which kube-controller-manager does not start")
	if err := flags.Parse(arguments); err != nil {
		return store, gate, nil, err
	}
	if store.directory == "" || store.port == 0 {
		return store, gate, nil, errors.New("-data and -etcd-port are required")
	}
	return store, gate, flags.Args(), nil
}
