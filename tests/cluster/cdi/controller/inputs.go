package main

import (
	"crypto/rsa"
	"errors"
	"flag"
	"os"

	"kubevirt.io/containerized-data-importer/pkg/util/cert"
	"kubevirt.io/containerized-data-importer/pkg/util/cert/fetcher"
	"kubevirt.io/containerized-data-importer/pkg/util/cert/generator"
)

// inputs are what the controllers are given beside the cluster: images of the worker pods, the key that signs
// clone tokens, and the authorities of upload servers and of their clients.
type inputs struct {
	importer, cloner, uploader, populator string
	tokenKey                              string
	serverKey, serverCertificate          string
	clientKey, clientCertificate          string
}

func declare() *inputs {
	var given inputs
	flag.StringVar(&given.importer, "importer-image", "cdi-importer", "image of importer pods")
	flag.StringVar(&given.cloner, "cloner-image", "cdi-cloner", "image of clone source pods")
	flag.StringVar(&given.uploader, "uploadserver-image", "cdi-uploadserver", "image of upload and clone target pods")
	flag.StringVar(&given.populator, "populator-image", "cdi-populator", "image of oVirt populator pods")
	flag.StringVar(&given.tokenKey, "token-key-file", "", "RSA key that signs clone tokens")
	flag.StringVar(&given.serverKey, "upload-server-key-file", "", "key of the upload servers' authority")
	flag.StringVar(&given.serverCertificate, "upload-server-cert-file", "", "certificate of the upload servers' authority")
	flag.StringVar(&given.clientKey, "upload-client-key-file", "", "key of the upload clients' authority")
	flag.StringVar(&given.clientCertificate, "upload-client-cert-file", "", "certificate of the upload clients' authority")
	return &given
}

// signingKey reads the key of clone tokens.
func (given *inputs) signingKey() (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(given.tokenKey)
	if err != nil {
		return nil, err
	}
	parsed, err := cert.ParsePrivateKeyPEM(text)
	if err != nil {
		return nil, err
	}
	key, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA {
		return nil, errors.New("the key of clone tokens is no RSA key")
	}
	return key, nil
}

func issuer(key, certificate string) generator.CertGenerator {
	return &generator.FetchCertGenerator{
		Fetcher: &fetcher.FileCertFetcher{KeyFileName: key, CertFileName: certificate},
	}
}
