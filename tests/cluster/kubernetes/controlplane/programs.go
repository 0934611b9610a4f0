package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// interval is the time between two looks at something that is awaited.
const interval = 100 * time.Millisecond

// serve runs kube-apiserver on that etcd.
func serve(flags []string, etcd *embed.Etcd) error {
	command := apiserver.NewAPIServerCommand()
	command.SetArgs(append([]string{"--etcd-servers=" + etcd.Config().AdvertiseClientUrls[0].String()}, flags...))
	return command.Execute()
}

// control runs kube-controller-manager once the gate is open and the API server that has these flags is ready:
// started earlier it gives up after ten seconds.
func control(command *cobra.Command, apiserverFlags []string, gate string) error {
	port := ""
	for _, flag := range apiserverFlags {
		if value, found := strings.CutPrefix(flag, "--secure-port="); found {
			port = value
		}
	}
	for gate != "" {
		if _, err := os.Stat(gate); err == nil {
			break
		}
		time.Sleep(interval)
	}
	if err := ready("https://127.0.0.1:" + port + "/readyz"); err != nil {
		return err
	}
	return command.Execute()
}

// managing is the command of kube-controller-manager. That of Kubernetes 1.34 changes the default of a feature gate,
// which it cannot once kube-apiserver has put the gates among its flags: it is made first.
func managing(flags []string) *cobra.Command {
	command := manager.NewControllerManagerCommand()
	command.SetArgs(flags)
	return command
}

// ready waits until the address answers 200. Whose certificate it shows does not matter here: nothing is sent.
func ready(address string) error {
	client := http.Client{
		Timeout:   time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(interval) {
		answer, err := client.Get(address)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("%s is not ready after %s", address, patience)
}
