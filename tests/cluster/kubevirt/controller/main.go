// Command virt-controller is KubeVirt's own, with the certificate and key of its authority of exports given by flags:
// it reads them at a fixed place of its container, and would end with the first export where nothing lies there.
package main

import (
	"reflect"
	_ "unsafe" // for go:linkname

	"github.com/spf13/pflag"
	"kubevirt.io/kubevirt/pkg/certificates/bootstrap"
	"kubevirt.io/kubevirt/pkg/storage/export/export"
	"kubevirt.io/kubevirt/pkg/virt-controller/watch"
)

// initCert is what the export controller calls for its authority; its package has it as a variable for its tests.
//
//go:linkname initCert kubevirt.io/kubevirt/pkg/storage/export/export.initCert
var initCert func(*export.VMExportController)

func main() {
	certificate := pflag.String("export-ca-cert-file", "", "certificate of the authority of exports")
	key := pflag.String("export-ca-key-file", "", "key of the authority of exports")
	initCert = func(controller *export.VMExportController) {
		manager := bootstrap.NewFileCertificateManager(*certificate, *key)
		held := reflect.ValueOf(controller).Elem().FieldByName("caCertManager")
		reflect.NewAt(held.Type(), held.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(manager))
		go manager.Start()
	}
	watch.Execute()
}
