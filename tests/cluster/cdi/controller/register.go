package main

import (
	"context"

	"k8s.io/client-go/kubernetes"
	"kubevirt.io/containerized-data-importer/pkg/common"
	workers "kubevirt.io/containerized-data-importer/pkg/controller"
	volumes "kubevirt.io/containerized-data-importer/pkg/controller/datavolume"
	"kubevirt.io/containerized-data-importer/pkg/controller/populators"
	"kubevirt.io/containerized-data-importer/pkg/controller/transfer"
	"kubevirt.io/containerized-data-importer/pkg/util/cert/fetcher"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

const (
	pullPolicy   = common.DefaultPullPolicy
	verbosity    = "1"
	uploadProxy  = "cdi-uploadproxy"
	serverBundle = "cdi-uploadserver-signer-bundle"
	clientBundle = "cdi-uploadserver-client-signer-bundle"
)

// register adds the indexes and every controller of CDI to the manager.
func register(ctx context.Context, mgr manager.Manager, given *inputs) error {
	if err := volumes.CreateCommonIndexes(mgr); err != nil {
		return err
	}
	if err := populators.CreateCommonPopulatorIndexes(mgr); err != nil {
		return err
	}
	for _, group := range []func(context.Context, manager.Manager, *inputs) error{
		registerSettings, registerVolumes, registerWorkers, registerPopulators,
	} {
		if err := group(ctx, mgr, given); err != nil {
			return err
		}
	}
	return nil
}

// registerSettings adds what watches CDI's own configuration, storage classes and sources.
func registerSettings(_ context.Context, mgr manager.Manager, given *inputs) error {
	logger := log.Log
	return first(
		made(workers.NewConfigController(mgr, logger, uploadProxy, common.ConfigName, nil)),
		made(workers.NewStorageProfileController(mgr, logger, nil)),
		made(workers.NewDataSourceController(mgr, logger, nil)),
		made(workers.NewDataImportCronController(mgr, logger, given.importer, pullPolicy, nil)),
		made(transfer.NewObjectTransferController(mgr, logger, nil)),
	)
}

// registerVolumes adds the controllers that turn DataVolumes into claims.
func registerVolumes(ctx context.Context, mgr manager.Manager, given *inputs) error {
	key, err := given.signingKey()
	if err != nil {
		return err
	}
	logger := log.Log
	return first(
		made(volumes.NewImportController(ctx, mgr, logger, nil)),
		made(volumes.NewUploadController(ctx, mgr, logger, nil)),
		made(volumes.NewPvcCloneController(
			ctx, mgr, logger, given.cloner, given.importer, pullPolicy, &key.PublicKey, key, nil)),
		made(volumes.NewSnapshotCloneController(
			ctx, mgr, logger, given.cloner, given.importer, pullPolicy, &key.PublicKey, key, nil)),
		made(volumes.NewPopulatorController(ctx, mgr, logger, nil)),
	)
}

// registerWorkers adds the controllers that make worker pods for claims.
func registerWorkers(_ context.Context, mgr manager.Manager, given *inputs) error {
	key, err := given.signingKey()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(mgr.GetConfig())
	if err != nil {
		return err
	}
	trust := func(name string) fetcher.CertBundleFetcher {
		return &fetcher.ConfigMapCertBundleFetcher{Name: name, Client: client.CoreV1().ConfigMaps(namespace)}
	}
	logger := log.Log
	return first(
		made(workers.NewImportController(mgr, logger, given.importer, pullPolicy, verbosity, nil)),
		made(workers.NewCloneController(mgr, logger, given.cloner, pullPolicy, verbosity,
			issuer(given.clientKey, given.clientCertificate), trust(serverBundle), &key.PublicKey, nil)),
		made(workers.NewUploadController(mgr, logger, given.uploader, pullPolicy, verbosity,
			issuer(given.serverKey, given.serverCertificate), trust(clientBundle), nil)),
	)
}

// registerPopulators adds the controllers that fill claims which name a source of data.
func registerPopulators(ctx context.Context, mgr manager.Manager, given *inputs) error {
	key, err := given.signingKey()
	if err != nil {
		return err
	}
	logger := log.Log
	return first(
		made(populators.NewImportPopulator(ctx, mgr, logger, nil)),
		made(populators.NewUploadPopulator(ctx, mgr, logger, nil)),
		made(populators.NewClonePopulator(ctx, mgr, logger, given.cloner, pullPolicy, nil, &key.PublicKey)),
		made(populators.NewForkliftPopulator(ctx, mgr, logger, given.importer, given.populator, nil)),
	)
}

// made drops the controller, which the manager has kept, and passes the error on.
func made(_ controller.Controller, err error) error {
	return err
}

func first(problems ...error) error {
	for _, problem := range problems {
		if problem != nil {
			return problem
		}
	}
	return nil
}
